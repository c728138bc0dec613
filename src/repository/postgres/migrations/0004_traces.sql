-- W3C traceparent of the newest change, where its trace is kept: a replica that takes the change over links to it.
ALTER TABLE flagstaff.environments ADD COLUMN changed_in text NOT NULL DEFAULT '';
