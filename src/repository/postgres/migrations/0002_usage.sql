-- How often each flag was evaluated, by hour (UTC). No foreign keys: their checks would lock rows of environments and
-- flags, which every change locks too, and counting must never wait for a change, nor a change for counting. What an
-- environment leaves behind when it is deleted goes with its hours. `flag_id` 0 stands for the flags that could not be
-- counted one by one. Room is left in each page, because the counts of the current hour are updated in place.
CREATE TABLE flagstaff.usage (
  environment_id bigint NOT NULL,
  flag_id bigint NOT NULL,
  hour timestamptz NOT NULL,
  variant text NOT NULL,
  reason text NOT NULL,
  count bigint NOT NULL,
  PRIMARY KEY (environment_id, flag_id, hour, variant, reason)
) WITH (fillfactor = 80);
--> statement-breakpoint
CREATE INDEX usage_by_hour ON flagstaff.usage (hour);
--> statement-breakpoint
-- One row for each flag in each environment, so that a list of flags need not look through their hours; it outlives them.
CREATE TABLE flagstaff.last_evaluations (
  flag_id bigint NOT NULL,
  environment_id bigint NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (flag_id, environment_id)
) WITH (fillfactor = 80);
--> statement-breakpoint
-- The last batch of counts that each replica brought home. It is written in the transaction of the batch itself, so a batch
-- that is sent again because its COMMIT was never answered is recognised and not counted twice.
CREATE TABLE flagstaff.usage_flushes (
  replica uuid PRIMARY KEY,
  sequence bigint NOT NULL,
  at timestamptz NOT NULL
);
