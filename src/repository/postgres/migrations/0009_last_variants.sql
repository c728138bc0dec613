-- When each variant of a flag was last served, so that a list finds the flags with one answer without reading their hours.
-- An empty variant: the application's default. No foreign keys, for the reasons of table usage.
CREATE TABLE flagstaff.last_variants (
  environment_id bigint NOT NULL,
  flag_id bigint NOT NULL,
  variant text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (environment_id, flag_id, variant)
) WITH (fillfactor = 80);
--> statement-breakpoint
INSERT INTO flagstaff.last_variants (environment_id, flag_id, variant, at)
  SELECT environment_id, flag_id, variant, max(hour) FROM flagstaff.usage WHERE flag_id <> 0
  GROUP BY environment_id, flag_id, variant;
