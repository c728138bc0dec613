-- The revision at which each segment last changed, by name: what clients send in If-Match.
ALTER TABLE flagstaff.environments ADD COLUMN segment_revisions json NOT NULL DEFAULT '{}';
--> statement-breakpoint
UPDATE flagstaff.environments SET segment_revisions = coalesce(
  (SELECT json_object_agg(name, settings_revision) FROM json_object_keys(segments) name), '{}');
--> statement-breakpoint
-- The name of the segment that a record is about; for a renamed one its new name.
ALTER TABLE flagstaff.changes ADD COLUMN segment text;
--> statement-breakpoint
CREATE INDEX changes_by_segment ON flagstaff.changes (project, environment, segment, id) WHERE segment IS NOT NULL;
