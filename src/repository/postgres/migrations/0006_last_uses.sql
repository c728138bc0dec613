-- When each key was last used, to some minutes. A table of its own without foreign keys, as for evaluations: storing it never waits for
-- a change of the key, nor a change for it.
CREATE TABLE flagstaff.last_key_uses (
  key_id uuid PRIMARY KEY,
  at timestamptz NOT NULL
) WITH (fillfactor = 80);
--> statement-breakpoint
-- When the flag set of each environment was last served to a provider that evaluates in process: those evaluations are not counted here.
CREATE TABLE flagstaff.last_syncs (
  environment_id bigint PRIMARY KEY,
  at timestamptz NOT NULL
) WITH (fillfactor = 80);
