-- The JSON Schema of a flag's values; null: any.
ALTER TABLE flagstaff.flags ADD COLUMN value_schema json;
--> statement-breakpoint
-- How users are divided between flags, by name: mutual exclusion groups, and holdouts. The segments that are made of them are what replicas read.
ALTER TABLE flagstaff.environments ADD COLUMN groups json NOT NULL DEFAULT '{}', ADD COLUMN holdouts json NOT NULL DEFAULT '{}';
