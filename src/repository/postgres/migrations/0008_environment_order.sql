-- The order in which environments are shown, and whether a person is asked before a change.
ALTER TABLE flagstaff.environments ADD COLUMN position integer NOT NULL DEFAULT 0,
  ADD COLUMN protected boolean NOT NULL DEFAULT false;
--> statement-breakpoint
UPDATE flagstaff.environments SET position = ordered.position
  FROM (SELECT id, row_number() OVER (PARTITION BY project_id ORDER BY key) - 1 AS position FROM flagstaff.environments) ordered
  WHERE ordered.id = environments.id;
