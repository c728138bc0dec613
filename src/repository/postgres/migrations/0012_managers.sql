-- What another system manages in an environment, such as the operator of a Kubernetes cluster. While a manager is locked, others may not
-- change what it manages. segments and metadata: what it last applied, by name.
CREATE TABLE flagstaff.managers (
  environment_id bigint NOT NULL REFERENCES flagstaff.environments ON DELETE CASCADE,
  name text NOT NULL,
  locked boolean NOT NULL,
  segments json NOT NULL DEFAULT '{}',
  metadata json NOT NULL DEFAULT '{}',
  PRIMARY KEY (environment_id, name)
);
--> statement-breakpoint
-- applied: what the manager applied, where others have changed it since.
ALTER TABLE flagstaff.definitions ADD COLUMN managed_by text, ADD COLUMN applied json;
