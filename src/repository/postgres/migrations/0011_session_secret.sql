-- What the cookies of the console are sealed with: known to every replica, so that each opens the sessions of the others.
ALTER TABLE flagstaff.deployment ADD COLUMN session_secret bytea NOT NULL
  DEFAULT decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex');
