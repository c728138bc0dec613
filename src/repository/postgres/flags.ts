import { and, arrayContains, asc, eq, getTableColumns, gt, isNotNull, isNull, sql } from 'drizzle-orm'
import type { SegmentRules } from '../../flag/definition.ts'
import { FlagError } from '../../flag/error.ts'
import { type Author, type ExpectedVersion, expectRevision, type NewChangeRecord, recordChanges } from './changes.ts'
import type { Database, Db, Transaction } from './database.ts'
import { checkRestoredSize, flagSize } from './document-size.ts'
import { raiseRevision } from './environments.ts'
import { isLockedManager, type LockedPlace, refuseLocked } from './managed/locks.ts'
import { type NeedingFlag, refuseNeededIn, selectNeeding, settingsWithFlags } from './needs/archived.ts'
import { selectProject } from './projects.ts'
import { forgetArchivedEvaluations } from './stale/forget.ts'
import { definitions, environments, flags, lastEvaluations, managers, type Patch } from './tables.ts'
import { checkStoredValues } from './values/stored-values.ts'

/** A flag's identity in its project, without definitions. */
export type FlagRow = typeof flags.$inferSelect
/** With the last stored evaluation in any environment, and the evaluations since it was archived; 0 if it is not. */
export type ListedFlag = FlagRow & { readonly lastEvaluatedAt: Date | null; readonly archivedEvaluations: number }
type FlagLifetime = Pick<FlagRow, 'kind' | 'expiresAt' | 'staleDismissedUntil' | 'staleDismissedReason'>
export type FlagText = Pick<FlagRow, 'description' | 'owner' | 'tags' | 'permanent' | 'valueSchema'> & FlagLifetime
export type NewFlag = Pick<FlagRow, 'key' | 'type'> & Omit<FlagText, keyof FlagLifetime> & Partial<FlagLifetime>

export type FlagFilter = {
  readonly archived?: boolean | undefined
  readonly tag?: string | undefined
  readonly after: string
  readonly limit: number
}

const listedColumns = {
  ...getTableColumns(flags),
  lastEvaluatedAt: sql<Date | null>`(select max(l.at) from ${lastEvaluations} l where l.flag_id = ${flags}.id)`.mapWith(
    lastEvaluations.at,
  ),
  archivedEvaluations: sql<number>`case when ${flags}.archived_at is null then 0 else (
    select coalesce(sum(a.count), 0)::float8 from flagstaff.archived_evaluations a where a.flag_id = ${flags}.id) end`,
}

/** Flags of a project in the order of their keys, after `after`. */
export function listFlags(database: Database, project: string, filter: FlagFilter): Promise<ListedFlag[]> {
  return database.read(async (db) => {
    const { id } = await selectProject(db, project)
    const conditions = [eq(flags.projectId, id), gt(flags.key, filter.after)]
    if (filter.archived !== undefined)
      conditions.push(filter.archived ? isNotNull(flags.archivedAt) : isNull(flags.archivedAt))
    if (filter.tag !== undefined) conditions.push(arrayContains(flags.tags, [filter.tag]))
    return db
      .select(listedColumns)
      .from(flags)
      .where(and(...conditions))
      .orderBy(asc(flags.key))
      .limit(filter.limit)
  })
}

/** Reads one flag, with the flags that need it. Fails with `not_found`. */
export function readFlag(
  database: Database,
  project: string,
  key: string,
): Promise<ListedFlag & { readonly neededBy: readonly NeedingFlag[] }> {
  return database.read(async (db) => {
    const { id } = await selectProject(db, project)
    return { ...(await selectFlag(db, id, key)), neededBy: await selectNeeding(db, id, key) }
  })
}

export function createFlag(
  database: Database,
  project: string,
  change: { flag: NewFlag; author: Author },
): Promise<ListedFlag> {
  return database.write(async (tx) => {
    const { id } = await selectProject(tx, project, 'lock') // so that it is not deleted during the insert
    const [row] = await tx
      .insert(flags)
      .values({ ...change.flag, projectId: id })
      .returning(listedColumns)
    if (!row) throw new Error('Cannot create a flag: the insert returned no row')
    await recordChanges(tx, change.author, [
      { subject: 'flag', action: 'create', project, flag: row.key, after: textOf(row) },
    ])
    return row
  })
}

export type FlagUpdate = {
  readonly text: Patch<FlagText>
  /** True archives: evaluation then does not know the flag in any environment; its definitions and history stay. False restores. */
  readonly archived?: boolean | undefined
  readonly expected: ExpectedVersion
  readonly author: Author
}

/** Changes the description of a flag, archives it or restores it. Fails with `too_large` where a flag set becomes too large by it. */
export function updateFlag(database: Database, project: string, key: string, change: FlagUpdate): Promise<ListedFlag> {
  return database.write(async (tx) => {
    const { id: projectId } = await selectProject(tx, project)
    // Environments before flags: all writers lock in this order, which prevents deadlocks.
    const defining = concernsDefinitions(change) ? await lockDefiningEnvironments(tx, projectId, key) : []
    const before = await selectFlag(tx, projectId, key, 'lock')
    expectRevision(change.expected, before.version)
    const turn = turnOf(before, change.archived)
    if (turn) await checkTurn(tx, turn.action, { project, flag: before, defining })
    await checkStoredValues(tx, { flagId: before.id, defining, schema: change.text.valueSchema })
    const [after] = await tx
      .update(flags)
      .set({ ...change.text, ...turn?.set, version: sql`${flags.version} + 1` })
      .where(eq(flags.id, before.id))
      .returning(listedColumns)
    if (!after) throw new Error('Cannot update a flag: its row is gone although it was locked')
    const action = turn?.action ?? 'update'
    const entry: NewChangeRecord = {
      subject: 'flag',
      action,
      project,
      flag: key,
      before: textOf(before),
      after: textOf(after),
    }
    const touched = turn ? await raiseRevisions(tx, defining, { flag: before, entry, author: change.author }) : []
    await recordChanges(tx, change.author, touched.length > 0 ? touched : [entry])
    return after
  })
}

const concernsDefinitions = ({ archived, text }: FlagUpdate): boolean =>
  archived !== undefined || (text.valueSchema ?? null) !== null

/**
 * Fails with `too_large` if a restored flag makes a flag set too large, for an archived one with
 * `managed` if a locked manager has it, and with `in_use` while other flags need it.
 */
async function checkTurn(
  tx: Transaction,
  action: 'archive' | 'restore',
  { project, flag, defining }: { project: string; flag: FlagRow; defining: readonly DefiningEnvironment[] },
): Promise<void> {
  if (action === 'restore') {
    await checkRestoredSize(tx, project, defining)
    return
  }
  refuseLocked(lockedIn(defining, flag.key))
  await refuseNeededIn(tx, defining, flag.key)
  await forgetArchivedEvaluations(tx, [flag.id])
}

/** Whether the flag becomes archived or restored; undefined if that does not change. */
function turnOf({ archivedAt }: FlagRow, archived: boolean | undefined) {
  if (archived === undefined || archived === (archivedAt !== null)) return undefined
  return archived
    ? ({ action: 'archive', set: { archivedAt: sql`clock_timestamp()` } } as const)
    : ({ action: 'restore', set: { archivedAt: null } } as const)
}

/** `bytes`: the size of the flag there. `lockedBy`: the manager that alone may change it. */
type DefiningEnvironment = {
  readonly id: bigint
  readonly key: string
  readonly segments: SegmentRules
  readonly bytes: number
  readonly lockedBy: string | null
}

const lockedIn = (defining: readonly DefiningEnvironment[], flag: string): LockedPlace[] =>
  defining.flatMap(({ key, lockedBy }) =>
    lockedBy === null ? [] : [{ what: `Flag "${flag}" in "${key}"`, pointer: '/archived', lockedBy }],
  )

/** Locks every environment of the project, so that none adds the flag meanwhile; returns those that define it, with the size of that. */
async function lockDefiningEnvironments(
  tx: Transaction,
  projectId: bigint,
  key: string,
): Promise<DefiningEnvironment[]> {
  const inProject = eq(environments.projectId, projectId)
  await tx
    .select({ id: environments.id })
    .from(environments)
    .where(inProject)
    .orderBy(asc(environments.id))
    .for('update')
  return tx
    .select({
      id: environments.id,
      key: environments.key,
      segments: environments.segments,
      bytes: flagSize(flags.key, definitions.definition),
      lockedBy: managers.name,
    })
    .from(environments)
    .innerJoin(definitions, eq(definitions.environmentId, environments.id))
    .innerJoin(flags, and(eq(flags.id, definitions.flagId), eq(flags.key, key)))
    .leftJoin(managers, isLockedManager)
    .where(and(inProject, isNotNull(definitions.definition)))
    .orderBy(asc(environments.id))
}

/** Increments the revision of each environment in which the flag appears or disappears. */
async function raiseRevisions(
  tx: Transaction,
  defining: readonly DefiningEnvironment[],
  { flag, entry, author }: { flag: FlagRow; entry: NewChangeRecord; author: Author },
): Promise<NewChangeRecord[]> {
  const entries: NewChangeRecord[] = []
  for (const environment of defining) {
    const settings = await settingsWithFlags(tx, environment, [flag.key])
    const revision = await raiseRevision(tx, environment.id, { author, settings })
    await tx
      .update(definitions)
      .set({ revision })
      .where(and(eq(definitions.environmentId, environment.id), eq(definitions.flagId, flag.id)))
    entries.push({ ...entry, environment: environment.key, revision })
  }
  return entries
}

async function selectFlag(db: Db | Transaction, projectId: bigint, key: string, lock?: 'lock'): Promise<ListedFlag> {
  const query = db
    .select(listedColumns)
    .from(flags)
    .where(and(eq(flags.projectId, projectId), eq(flags.key, key)))
  const [row] = await (lock ? query.for('update') : query)
  if (!row) throw new FlagError('not_found', `Flag "${key}" does not exist`)
  return row
}

/** What a change record has of a flag. */
export function textOf({ archivedAt, staleDismissedUntil, staleDismissedReason, ...flag }: FlagRow) {
  const { key, type, description, owner, tags, permanent, valueSchema, kind, expiresAt } = flag
  return {
    ...{ key, type, description, owner, tags, permanent, kind },
    ...(valueSchema && { valueSchema }),
    ...(expiresAt && { expiresAt }),
    ...(staleDismissedUntil && { staleDismissedUntil, staleDismissedReason }),
    archived: archivedAt !== null,
  }
}
