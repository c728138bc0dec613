-- What the tokens in the addresses of event streams are signed with: known to every replica, like the keys, and to nobody else.
ALTER TABLE flagstaff.deployment ADD COLUMN stream_secret bytea NOT NULL
  DEFAULT decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex');
--> statement-breakpoint
-- It stands beside the keys in Redis: copies from before are of an earlier revision.
UPDATE flagstaff.deployment SET keys_revision = keys_revision + 1;
