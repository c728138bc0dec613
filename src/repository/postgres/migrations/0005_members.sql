-- The members of a flagd document that have no column of their own, such as "$schema" and "_comment": export gives them back.
ALTER TABLE flagstaff.environments ADD COLUMN members json NOT NULL DEFAULT '{}';
