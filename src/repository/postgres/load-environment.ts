import { sql } from 'drizzle-orm'
import type { Bucketing, Definition, Metadata } from '../../flag/definition.ts'
import type { RevisionId } from '../redis/snapshot-store.ts'
import type { Database } from './database.ts'

/** A revision of an environment; `id` is the id of its row. */
export type EnvironmentRevision = RevisionId & { readonly id: bigint }

/** An environment as stored in the database, or the changes since the reader's version. */
export type LoadedEnvironment = EnvironmentRevision & {
  readonly changedAt: Date
  /** `traceparent` of the newest change; empty if its trace is not kept. */
  readonly changedIn: string
  /** False: `flags` is complete. True: `flags` has only the changes, removed flags as undefined. */
  readonly isUpdate: boolean
  readonly flags: ReadonlyMap<string, Definition | undefined>
  /** Absent in an update that does not change them. */
  readonly settings?: { segments: Readonly<Record<string, unknown>>; metadata: Metadata; bucketing: Bucketing }
}

type EnvironmentQueryRow = {
  incarnation: string
  id: string
  revision: string
  changed_at: string
  changed_in: string
  is_update: boolean
  settings: LoadedEnvironment['settings'] | null
  flags: readonly (readonly [string, Definition | null])[]
}

/**
 * Reads the environment `flagSetId` (`<project>/<environment>`); with `since`, only newer changes. It is one statement, so it reads one
 * snapshot of the data in one round trip: a cold start waits for this query before its first response. Undefined if the environment does
 * not exist. An update with the same revision: nothing is newer.
 */
export function loadEnvironment(
  database: Database,
  flagSetId: string,
  since?: EnvironmentRevision,
): Promise<LoadedEnvironment | undefined> {
  const [project, environment] = flagSetId.split('/')
  return database.read(async (db) => {
    const { rows } = await db.execute<EnvironmentQueryRow>(sql`
      select deployment.incarnation, e.id, e.revision, e.changed_at, e.changed_in, held.is_update,
        case when not held.is_update or e.settings_revision > held.revision
          then json_build_object('segments', e.segments, 'metadata', e.metadata, 'bucketing', e.bucketing) end as settings,
        (select coalesce(json_agg(json_build_array(f.key, case when f.archived_at is null then d.definition end) order by f.id), '[]')
          from flagstaff.definitions d join flagstaff.flags f on f.id = d.flag_id
          where d.environment_id = e.id and d.revision > held.revision
            and (held.is_update or (d.definition is not null and f.archived_at is null))) as flags
      from flagstaff.deployment
      cross join flagstaff.environments e
      join flagstaff.projects p on p.id = e.project_id
      cross join lateral (select
        coalesce(deployment.incarnation::text = ${since?.incarnation ?? ''} and e.id = ${String(since?.id ?? -1)}::bigint
          and e.revision >= ${String(since?.revision ?? -1)}::bigint, false) as is_update) comparison
      cross join lateral (select comparison.is_update,
        case when comparison.is_update then ${String(since?.revision ?? -1)}::bigint else -1 end as revision) held
      where p.key = ${project ?? ''} and e.key = ${environment ?? ''}`)
    const [row] = rows
    return row && environmentFrom(row)
  })
}

function environmentFrom(row: EnvironmentQueryRow): LoadedEnvironment {
  return {
    incarnation: row.incarnation,
    id: BigInt(row.id),
    revision: BigInt(row.revision),
    changedAt: new Date(row.changed_at),
    changedIn: row.changed_in,
    isUpdate: row.is_update,
    flags: new Map(row.flags.map(([key, definition]) => [key, definition ?? undefined])),
    ...(row.settings && { settings: row.settings }),
  }
}
