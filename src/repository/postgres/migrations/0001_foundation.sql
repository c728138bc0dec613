-- One row for the whole deployment. `incarnation` names this life of the database: it is renewed after a restore
-- from backup, so that a lower revision is recognised as restored and not mistaken for an old copy.
CREATE TABLE flagstaff.deployment (
  id smallint PRIMARY KEY DEFAULT 1 CONSTRAINT deployment_is_one_row CHECK (id = 1),
  incarnation uuid NOT NULL DEFAULT gen_random_uuid(),
  keys_revision bigint NOT NULL DEFAULT 0
);
--> statement-breakpoint
INSERT INTO flagstaff.deployment DEFAULT VALUES;
--> statement-breakpoint
CREATE TABLE flagstaff.projects (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  key text NOT NULL CONSTRAINT projects_key_unique UNIQUE,
  name text NOT NULL,
  description text NOT NULL DEFAULT '',
  version bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now()
);
--> statement-breakpoint
-- `revision` is a counter row and not a sequence: its row lock makes revisions commit in order, so a reader never
-- skips one. The document columns are json, not jsonb: they keep the order of members and every character as written.
CREATE TABLE flagstaff.environments (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  project_id bigint NOT NULL REFERENCES flagstaff.projects (id),
  key text NOT NULL,
  name text NOT NULL,
  description text NOT NULL DEFAULT '',
  revision bigint NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now(),
  bucketing text NOT NULL DEFAULT 'v2' CONSTRAINT environments_bucketing_known CHECK (bucketing IN ('v1', 'v2', 'v3')),
  segments json NOT NULL DEFAULT '{}',
  metadata json NOT NULL DEFAULT '{}',
  settings_revision bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT environments_key_unique UNIQUE (project_id, key)
);
--> statement-breakpoint
CREATE TABLE flagstaff.flags (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  project_id bigint NOT NULL REFERENCES flagstaff.projects (id),
  key text NOT NULL,
  type text NOT NULL CONSTRAINT flags_type_known CHECK (type IN ('boolean', 'string', 'number', 'object')),
  description text NOT NULL DEFAULT '',
  owner text NOT NULL DEFAULT '',
  tags text[] NOT NULL DEFAULT '{}',
  permanent boolean NOT NULL DEFAULT false,
  archived_at timestamptz,
  version bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT flags_key_unique UNIQUE (project_id, key)
);
--> statement-breakpoint
-- A definition that was removed stays as a row without a document: replicas learn of it by its revision.
CREATE TABLE flagstaff.definitions (
  environment_id bigint NOT NULL REFERENCES flagstaff.environments (id) ON DELETE CASCADE,
  flag_id bigint NOT NULL REFERENCES flagstaff.flags (id) ON DELETE CASCADE,
  definition json,
  revision bigint NOT NULL,
  PRIMARY KEY (environment_id, flag_id)
);
--> statement-breakpoint
CREATE INDEX definitions_by_revision ON flagstaff.definitions (environment_id, revision);
--> statement-breakpoint
CREATE INDEX definitions_by_flag ON flagstaff.definitions (flag_id);
--> statement-breakpoint
-- Only the SHA-256 of a key is kept. Client, server and editor keys belong to one environment, admin keys to none.
CREATE TABLE flagstaff.keys (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  hash bytea NOT NULL CONSTRAINT keys_hash_unique UNIQUE,
  name text NOT NULL,
  role text NOT NULL CONSTRAINT keys_role_known CHECK (role IN ('client', 'server', 'editor', 'admin')),
  environment_id bigint REFERENCES flagstaff.environments (id) ON DELETE CASCADE,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  CONSTRAINT keys_scope_fits_role CHECK ((role = 'admin') = (environment_id IS NULL))
);
--> statement-breakpoint
-- The record of every mutation. Names, not references: the record outlives what it speaks of.
CREATE TABLE flagstaff.changes (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  subject text NOT NULL,
  action text NOT NULL,
  project text,
  environment text,
  flag text,
  revision bigint,
  before json,
  after json,
  comment text NOT NULL DEFAULT '',
  trace_id text NOT NULL DEFAULT '',
  CONSTRAINT changes_revision_unique UNIQUE (project, environment, revision, subject, flag)
);
--> statement-breakpoint
CREATE INDEX changes_by_flag ON flagstaff.changes (project, environment, flag, id);
--> statement-breakpoint
CREATE INDEX changes_by_actor ON flagstaff.changes (actor, id);
--> statement-breakpoint
CREATE INDEX changes_by_time ON flagstaff.changes (at);
--> statement-breakpoint
CREATE FUNCTION flagstaff.refuse_rewriting_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'Cannot % flagstaff.changes: it is append-only', lower(TG_OP) USING ERRCODE = 'restrict_violation';
END $$;
--> statement-breakpoint
CREATE TRIGGER changes_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON flagstaff.changes
  FOR EACH STATEMENT EXECUTE FUNCTION flagstaff.refuse_rewriting_history();
