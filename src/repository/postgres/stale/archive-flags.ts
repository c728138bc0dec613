import { and, asc, eq, inArray, isNotNull, sql } from 'drizzle-orm'
import type { Definition } from '../../../flag/definition.ts'
import { FlagError, type Mistake, pointerTo } from '../../../flag/error.ts'
import { neededKeys } from '../../../flag/needs/prerequisites.ts'
import { type Author, type NewChangeRecord, recordChanges } from '../changes.ts'
import type { Database, Transaction } from '../database.ts'
import { raiseRevision } from '../environments.ts'
import { type FlagRow, textOf } from '../flags.ts'
import { isLockedManager, refuseLocked } from '../managed/locks.ts'
import { settingsWithFlags } from '../needs/archived.ts'
import { selectProject } from '../projects.ts'
import { definitions, environments, flags, managers } from '../tables.ts'
import { forgetArchivedEvaluations } from './forget.ts'

export type Archiving = { readonly flags: readonly string[]; readonly dryRun: boolean; readonly author: Author }

export type ArchivedFlags = {
  /** Keys of flags that are archived now. */
  readonly archived: readonly string[]
  /** Keys of flags that were archived before. */
  readonly unchanged: readonly string[]
  /** The new revisions, by the keys of the environments that defined a flag. */
  readonly revisions: Readonly<Record<string, number>>
}

/**
 * Archives flags of a project together, under one revision of each environment. Fails with `invalid` for unknown keys, with `in_use` if another
 * flag needs one of them, and with `managed` if a locked manager has one.
 */
export function archiveFlags(database: Database, project: string, archiving: Archiving): Promise<ArchivedFlags> {
  return database.write(async (tx) => {
    const { id: projectId } = await selectProject(tx, project)
    // Environments before flags, in the order of their ids: all writers lock in this order, which prevents deadlocks.
    const inProject = eq(environments.projectId, projectId)
    const places = await tx
      .select({ id: environments.id, key: environments.key })
      .from(environments)
      .where(inProject)
      .orderBy(asc(environments.id))
      .for('update')
    const rows = await lockRows(tx, projectId, archiving.flags)
    const open = rows.filter(({ archivedAt }) => archivedAt === null)
    const defining = await selectDefining(tx, open)
    await refuseNeeded(tx, projectId, new Set(open.map(({ key }) => key)))
    const result = {
      archived: open.map(({ key }) => key).sort(),
      unchanged: rows.flatMap(({ key, archivedAt }) => (archivedAt === null ? [] : [key])).sort(),
    }
    if (archiving.dryRun || open.length === 0) return { ...result, revisions: {} }
    await tx
      .update(flags)
      .set({ archivedAt: sql`clock_timestamp()`, version: sql`${flags.version} + 1` })
      .where(inArray(flags.id, idsOf(open)))
    await forgetArchivedEvaluations(tx, idsOf(open))
    const revisions = await raiseAll(tx, places, { rows: open, defining, project, author: archiving.author })
    return { ...result, revisions }
  })
}

const idsOf = (rows: readonly FlagRow[]): bigint[] => rows.map(({ id }) => id)

async function lockRows(tx: Transaction, projectId: bigint, keys: readonly string[]): Promise<FlagRow[]> {
  const rows = await tx
    .select()
    .from(flags)
    .where(and(eq(flags.projectId, projectId), inArray(flags.key, [...keys])))
    .orderBy(asc(flags.id))
    .for('update')
  const known = new Set(rows.map(({ key }) => key))
  const mistakes = keys.flatMap((key, index): Mistake[] =>
    known.has(key) ? [] : [{ pointer: pointerTo('flags', String(index)), message: `Flag "${key}" does not exist` }],
  )
  if (mistakes.length > 0) throw new FlagError('invalid', 'Cannot archive the flags', { mistakes })
  return rows
}

type Defining = { readonly flagId: bigint; readonly environmentId: bigint }

/** Where the flags are defined. Fails with `managed` if a locked manager has one of them. */
async function selectDefining(tx: Transaction, rows: readonly FlagRow[]): Promise<Defining[]> {
  if (rows.length === 0) return []
  const defining = await tx
    .select({
      flagId: definitions.flagId,
      environmentId: definitions.environmentId,
      key: flags.key,
      lockedBy: managers.name,
    })
    .from(definitions)
    .innerJoin(flags, eq(flags.id, definitions.flagId))
    .leftJoin(managers, isLockedManager)
    .where(and(inArray(definitions.flagId, idsOf(rows)), isNotNull(definitions.definition)))
  refuseLocked(
    defining.flatMap(({ key, lockedBy }) =>
      lockedBy === null ? [] : [{ what: `Flag "${key}"`, pointer: '/flags', lockedBy }],
    ),
  )
  return defining
}

/** Flags in one response. */
const SHOWN_MAX = 1_000

/** Fails with `in_use` if a flag that stays needs one of `keys`. */
async function refuseNeeded(tx: Transaction, projectId: bigint, keys: ReadonlySet<string>): Promise<void> {
  const { rows } = await tx.execute<{ key: string; definition: Definition }>(sql`
    select f.key, d.definition from flagstaff.flags f join flagstaff.definitions d on d.flag_id = f.id
    where f.project_id = ${String(projectId)}::bigint and f.archived_at is null
      and d.definition -> 'flagstaff' -> 'needs' is not null`)
  const users = new Map<string, Set<string>>()
  for (const { key, definition } of rows)
    for (const needed of keys.has(key) ? [] : neededKeys(definition))
      if (keys.has(needed)) users.set(needed, (users.get(needed) ?? new Set()).add(key))
  const inUse = [...users].map(([flag, by]) => ({ flag, by: [...by].sort().slice(0, SHOWN_MAX) }))
  const [first] = inUse
  if (!first) return
  const more = inUse.length > 1 ? ` and ${inUse.length - 1} more` : ''
  throw new FlagError('in_use', `Cannot archive "${first.flag}"${more}: "${first.by[0]}" needs it`, {
    members: { inUse: inUse.slice(0, SHOWN_MAX) },
  })
}

/** Raises the revision of each environment that defines one of the flags, and records each flag in each environment. */
async function raiseAll(
  tx: Transaction,
  places: readonly { readonly id: bigint; readonly key: string }[],
  change: {
    readonly rows: readonly FlagRow[]
    readonly defining: readonly Defining[]
    readonly project: string
    readonly author: Author
  },
): Promise<Record<string, number>> {
  const { rows, defining, project, author } = change
  const revisions: [string, number][] = []
  const entries: NewChangeRecord[] = []
  const entryOf = (row: FlagRow): NewChangeRecord => {
    const after = { ...textOf(row), archived: true }
    return { subject: 'flag', action: 'archive', project, flag: row.key, before: textOf(row), after }
  }
  for (const { id, key } of places) {
    const flagIds = new Set(defining.filter(({ environmentId }) => environmentId === id).map(({ flagId }) => flagId))
    if (flagIds.size === 0) continue
    const here = rows.filter((row) => flagIds.has(row.id))
    const settings = await settingsWithFlags(
      tx,
      { id },
      here.map((row) => row.key),
    )
    const revision = await raiseRevision(tx, id, { author, settings })
    await tx
      .update(definitions)
      .set({ revision })
      .where(and(eq(definitions.environmentId, id), inArray(definitions.flagId, [...flagIds])))
    revisions.push([key, Number(revision)])
    for (const row of here) entries.push({ ...entryOf(row), environment: key, revision })
  }
  const anywhere = new Set(defining.map(({ flagId }) => flagId))
  entries.push(...rows.filter(({ id }) => !anywhere.has(id)).map(entryOf))
  await recordChanges(tx, author, entries)
  return Object.fromEntries(revisions)
}
