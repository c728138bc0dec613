-- The settings_revision that segment_revisions belongs to; 0: none. A version of this program from before segment_revisions changes segments
-- and settings_revision only. Then every segment counts as changed at settings_revision, so that no client overwrites that change.
ALTER TABLE flagstaff.environments ADD COLUMN segment_revisions_of bigint NOT NULL DEFAULT 0;
