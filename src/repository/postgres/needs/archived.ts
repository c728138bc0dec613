import { eq } from 'drizzle-orm'
import type { SegmentRules } from '../../../flag/definition.ts'
import { neededBy, needsOf, refuseNeeded } from '../../../flag/needs/prerequisites.ts'
import type { Db, Transaction } from '../database.ts'
import type { EnvironmentRow } from '../environments.ts'
import { environments, projects } from '../tables.ts'
import { settingsOf } from '../write-definitions.ts'
import { selectAll } from './all-definitions.ts'
import { hasSegmentOf, withGenerated } from './generated.ts'

type LockedEnvironment = { readonly id: bigint; readonly segments: SegmentRules }

/** Fails with `in_use` if a flag needs `key` in one of the locked environments. */
export async function refuseNeededIn(
  tx: Transaction,
  locked: readonly LockedEnvironment[],
  key: string,
): Promise<void> {
  for (const environment of locked)
    if (hasSegmentOf(environment, key)) refuseNeeded(await selectAll(tx, environment.id), key)
}

/**
 * The settings of a locked environment in which a flag has become archived or come back; undefined if they stay. Fails with `invalid` if its
 * prerequisites have mistakes now.
 */
export async function settingsWithFlag(tx: Transaction, { id }: LockedEnvironment, key: string) {
  const [row] = await tx
    .select({ environment: environments, project: projects.key })
    .from(environments)
    .innerJoin(projects, eq(projects.id, environments.projectId))
    .where(eq(environments.id, id))
  if (!row) throw new Error('Cannot read a locked environment: its row is gone')
  const environment: EnvironmentRow = { ...row.environment, project: row.project }
  const [after] = [...(await selectAll(tx, id, [key])).values()]
  const changed = needsOf(after).length > 0 || hasSegmentOf(environment, key) ? [{ key, before: undefined, after }] : []
  if (changed.length === 0) return undefined
  const { settings } = await withGenerated(tx, environment, { changed, pointer: () => `/${environment.key}` })
  return settings && settingsOf(environment, settings)
}

/** A flag that needs another one, and where. */
export type NeedingFlag = { readonly environment: string; readonly flag: string }
/** Flags that one response names. */
const NEEDING_MAX = 1_000

/** The flags of a project that need `key`, by environment. Only environments with its segment are read. */
export async function selectNeeding(db: Db, projectId: bigint, key: string): Promise<NeedingFlag[]> {
  const rows = await db
    .select({ id: environments.id, environment: environments.key, segments: environments.segments })
    .from(environments)
    .where(eq(environments.projectId, projectId))
    .orderBy(environments.position, environments.key)
  const needing: NeedingFlag[] = []
  for (const { id, environment, segments } of rows) {
    if (!hasSegmentOf({ segments }, key)) continue
    for (const flag of neededBy(await selectAll(db, id), key)) needing.push({ environment, flag })
  }
  return needing.slice(0, NEEDING_MAX)
}
