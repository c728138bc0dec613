-- What a flag is for, which decides how long it may live; when its own lifetime ends; and until when it is not listed as stale, and why.
ALTER TABLE flagstaff.flags
  ADD COLUMN kind text NOT NULL DEFAULT 'release'
    CONSTRAINT flags_kind_known CHECK (kind IN ('release', 'experiment', 'operational', 'killSwitch', 'permission')),
  ADD COLUMN expires_at timestamptz,
  ADD COLUMN stale_dismissed_until timestamptz,
  ADD COLUMN stale_dismissed_reason text NOT NULL DEFAULT '';
--> statement-breakpoint
-- The thresholds of a project that differ from the defaults.
ALTER TABLE flagstaff.projects ADD COLUMN stale json NOT NULL DEFAULT '{}';
--> statement-breakpoint
-- When a definition was last changed. A trigger sets it, so that it is right also for changes by the version before.
ALTER TABLE flagstaff.definitions ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();
--> statement-breakpoint
UPDATE flagstaff.definitions d SET changed_at = c.at
FROM flagstaff.flags f, flagstaff.environments e, flagstaff.projects p, LATERAL (
  SELECT at FROM flagstaff.changes
  WHERE project = p.key AND environment = e.key AND flag = f.key ORDER BY id DESC LIMIT 1) c
WHERE f.id = d.flag_id AND e.id = d.environment_id AND p.id = e.project_id;
--> statement-breakpoint
CREATE FUNCTION flagstaff.note_definition_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.changed_at := clock_timestamp();
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER definitions_note_change BEFORE UPDATE ON flagstaff.definitions
  FOR EACH ROW WHEN (NEW.revision <> OLD.revision) EXECUTE FUNCTION flagstaff.note_definition_change();
--> statement-breakpoint
-- The clients that read whole flag sets and evaluate in process, by user agent, of which an environment has few. No foreign keys, for the
-- reasons of table usage.
CREATE TABLE flagstaff.sync_agents (
  environment_id bigint NOT NULL,
  agent text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (environment_id, agent)
) WITH (fillfactor = 80);
--> statement-breakpoint
-- Evaluations of archived flags since they were archived. No foreign keys, for the same reasons.
CREATE TABLE flagstaff.archived_evaluations (
  flag_id bigint NOT NULL,
  environment_id bigint NOT NULL,
  count bigint NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (flag_id, environment_id)
) WITH (fillfactor = 80);
--> statement-breakpoint
-- Reports of evaluations in process, kept a day longer than one may be sent again, so that none is counted twice.
CREATE TABLE flagstaff.usage_reports (
  environment_id bigint NOT NULL,
  id uuid NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (environment_id, id)
);
--> statement-breakpoint
CREATE INDEX usage_reports_by_time ON flagstaff.usage_reports (at);
--> statement-breakpoint
-- The newest scan of each branch of a repository for keys of flags, and where it found them.
CREATE TABLE flagstaff.code_scans (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  project_id bigint NOT NULL REFERENCES flagstaff.projects ON DELETE CASCADE,
  repository text NOT NULL,
  branch text NOT NULL,
  commit text NOT NULL,
  committed_at timestamptz NOT NULL,
  reported_at timestamptz NOT NULL,
  CONSTRAINT code_scans_unique UNIQUE (project_id, repository, branch)
);
--> statement-breakpoint
CREATE TABLE flagstaff.code_references (
  scan_id bigint NOT NULL REFERENCES flagstaff.code_scans ON DELETE CASCADE,
  flag text NOT NULL,
  path text NOT NULL,
  line integer NOT NULL,
  text text NOT NULL DEFAULT '',
  PRIMARY KEY (scan_id, flag, path, line)
);
