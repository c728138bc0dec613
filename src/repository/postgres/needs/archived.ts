import { eq } from 'drizzle-orm'
import type { SegmentRules } from '../../../flag/definition.ts'
import { isFlagSegment } from '../../../flag/needs/names.ts'
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
 * The settings of a locked environment in which flags have become archived or come back; undefined if they stay. Fails with `invalid` if their
 * prerequisites have mistakes now, and with `in_use` if a flag that stays needs one of them.
 */
export async function settingsWithFlags(tx: Transaction, { id }: { readonly id: bigint }, keys: readonly string[]) {
  const [row] = await tx
    .select({ environment: environments, project: projects.key })
    .from(environments)
    .innerJoin(projects, eq(projects.id, environments.projectId))
    .where(eq(environments.id, id))
  if (!row) throw new Error('Cannot read a locked environment: its row is gone')
  const environment: EnvironmentRow = { ...row.environment, project: row.project }
  const present = await selectAll(tx, id, keys)
  const isNeeding = [...present.values()].some((after) => needsOf(after).length > 0)
  // An archived flag may have been the last one that needed another, whose segment then goes with it.
  if (!isNeeding && !Object.keys(environment.segments).some(isFlagSegment)) return undefined
  const changed = keys.map((key) => ({ key, before: undefined, after: present.get(key) }))
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
