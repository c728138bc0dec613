import { eq, sql } from 'drizzle-orm'
import type { StaleThresholds } from '../../../flag/stale/thresholds.ts'
import { type Author, recordChanges } from '../changes.ts'
import type { Database } from '../database.ts'
import { selectProject } from '../projects.ts'
import { projects } from '../tables.ts'
import { thresholdsOf } from './facts.ts'

/** The thresholds of a project. Fails with `not_found`. */
export function readThresholds(database: Database, project: string): Promise<StaleThresholds> {
  return database.read(async (db) => thresholdsOf(await selectProject(db, project)))
}

/** Replaces the thresholds of a project; what is missing has its default. Evidence is computed when it is read, so they hold at once. */
export function writeThresholds(
  database: Database,
  project: string,
  { stale, author }: { stale: Partial<StaleThresholds>; author: Author },
): Promise<StaleThresholds> {
  return database.write(async (tx) => {
    const before = await selectProject(tx, project, 'lock')
    await tx
      .update(projects)
      .set({ stale, version: sql`${projects.version} + 1` })
      .where(eq(projects.id, before.id))
    await recordChanges(tx, author, [
      { subject: 'project', action: 'update', project, before: { stale: before.stale }, after: { stale } },
    ])
    return thresholdsOf({ stale })
  })
}
