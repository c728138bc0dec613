import { sql } from 'drizzle-orm'
import { FlagError } from '../../../flag/error.ts'
import type { Database } from '../database.ts'

/** Numbers that change with what a project contains; they only grow, so that equal ones are of the same content. */
export type ProjectVersion = {
  readonly id: string
  /** Revisions by environment key. */
  readonly environments: Readonly<Record<string, number>>
  /** Changes with the flags' own properties, such as their descriptions, not with their definitions. */
  readonly flags: string
  /** The revision of all keys of the deployment. */
  readonly keys: string
}

/** Reads the version of a project, in one statement. Fails with `not_found`. */
export function readProjectVersion(database: Database, project: string): Promise<ProjectVersion> {
  return database.read(async (db) => {
    const { rows } = await db.execute<ProjectVersion>(sql`
      select p.id, coalesce(revisions.by_key, '{}') as environments, versions.of_flags as flags, d.keys_revision as keys
      from flagstaff.projects p cross join flagstaff.deployment d
      cross join lateral (select json_object_agg(key, revision order by id) as by_key
        from flagstaff.environments where project_id = p.id) revisions
      cross join lateral (select concat(count(*), '/', sum(version)) as of_flags
        from flagstaff.flags where project_id = p.id) versions
      where p.key = ${project}`)
    const [row] = rows
    if (!row) throw new FlagError('not_found', `Project "${project}" does not exist`)
    return row
  })
}
