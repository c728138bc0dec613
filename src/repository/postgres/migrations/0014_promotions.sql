-- What was last carried from one environment to another: the common base when both are compared again. Environments have new ids when they
-- are made anew, and then no base. uncarried: members, by JSON Pointer, that were left out although they differed and had no base.
CREATE TABLE flagstaff.promotions (
  source_id bigint NOT NULL REFERENCES flagstaff.environments ON DELETE CASCADE,
  target_id bigint NOT NULL REFERENCES flagstaff.environments ON DELETE CASCADE,
  flag_id bigint NOT NULL REFERENCES flagstaff.flags ON DELETE CASCADE,
  definition json NOT NULL,
  uncarried text[] NOT NULL DEFAULT '{}',
  source_revision bigint NOT NULL,
  target_revision bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  PRIMARY KEY (source_id, target_id, flag_id)
);
--> statement-breakpoint
CREATE INDEX promotions_by_target ON flagstaff.promotions (target_id);
--> statement-breakpoint
CREATE INDEX promotions_by_flag ON flagstaff.promotions (flag_id);
--> statement-breakpoint
CREATE TABLE flagstaff.promoted_segments (
  source_id bigint NOT NULL REFERENCES flagstaff.environments ON DELETE CASCADE,
  target_id bigint NOT NULL REFERENCES flagstaff.environments ON DELETE CASCADE,
  name text NOT NULL,
  rule json NOT NULL,
  PRIMARY KEY (source_id, target_id, name)
);
--> statement-breakpoint
CREATE INDEX promoted_segments_by_target ON flagstaff.promoted_segments (target_id);
--> statement-breakpoint
-- Where a promoted or copied definition or segment came from: {environment, revision}, and {flag} of a copy.
ALTER TABLE flagstaff.changes ADD COLUMN origin json;
