-- A viewer reads what an editor may change, in its own environment.
ALTER TABLE flagstaff.keys DROP CONSTRAINT keys_role_known,
  ADD CONSTRAINT keys_role_known CHECK (role IN ('client', 'server', 'viewer', 'editor', 'admin'));
