import { and, asc, eq, inArray, isNotNull, isNull, or, sql } from 'drizzle-orm'
import type { Definition } from '../../../flag/definition.ts'
import { FlagError } from '../../../flag/error.ts'
import { type Author, recordChanges } from '../changes.ts'
import type { Database, Transaction } from '../database.ts'
import {
  type EnvironmentName,
  type EnvironmentRow,
  lockEnvironment,
  raiseRevision,
  readEnvironmentRow,
} from '../environments.ts'
import { definitions, flags, managers } from '../tables.ts'
import type { OwnedEntry } from './ownership.ts'

export type ManagerRow = typeof managers.$inferSelect
/** A manager of an environment, with the number of flags that it manages. */
export type Manager = Pick<ManagerRow, 'name' | 'locked' | 'segments' | 'metadata'> & { readonly flags: number }

/** The managers of an environment, by name. A few: each is a system that applies flags. Fails with `not_found`. */
export function listManagers(database: Database, name: EnvironmentName): Promise<Manager[]> {
  return database.read(async (db) => {
    const { id } = await readEnvironmentRow(db, name)
    const count = db.$count(
      definitions,
      and(eq(definitions.environmentId, id), eq(definitions.managedBy, managers.name)),
    )
    return db
      .select({
        name: managers.name,
        locked: managers.locked,
        segments: managers.segments,
        metadata: managers.metadata,
        flags: count,
      })
      .from(managers)
      .where(eq(managers.environmentId, id))
      .orderBy(asc(managers.name))
  })
}

/** Ends what a manager manages: everything stays as it is, and everyone may change it. Fails with `not_found`. */
export function releaseManager(
  database: Database,
  name: EnvironmentName & { readonly manager: string },
  author: Author,
): Promise<void> {
  return database.write(async (tx) => {
    const environment = await lockEnvironment(tx, name)
    const row = (await selectManagers(tx, environment.id)).find((one) => one.name === name.manager)
    if (!row)
      throw new FlagError('not_found', `"${name.manager}" manages nothing in "${name.project}/${name.environment}"`)
    await tx
      .update(definitions)
      .set({ managedBy: null, applied: null })
      .where(and(eq(definitions.environmentId, environment.id), eq(definitions.managedBy, row.name)))
    await tx.delete(managers).where(and(eq(managers.environmentId, environment.id), eq(managers.name, row.name)))
    const revision = await raiseRevision(tx, environment.id, { author })
    await recordManager(tx, environment, { author, revision, before: { name: row.name, locked: row.locked } })
  })
}

export function selectManagers(tx: Transaction, environmentId: bigint): Promise<ManagerRow[]> {
  return tx.select().from(managers).where(eq(managers.environmentId, environmentId))
}

/** The flags of an environment that are defined there or have a manager, by key. */
export async function selectOwned(
  tx: Transaction,
  environmentId: bigint,
): Promise<Map<string, OwnedEntry<Definition>>> {
  const rows = await tx
    .select({
      key: flags.key,
      archivedAt: flags.archivedAt,
      definition: definitions.definition,
      managedBy: definitions.managedBy,
      applied: definitions.applied,
    })
    .from(definitions)
    .innerJoin(flags, eq(flags.id, definitions.flagId))
    .where(
      and(
        eq(definitions.environmentId, environmentId),
        or(and(isNotNull(definitions.definition), isNull(flags.archivedAt)), isNotNull(definitions.managedBy)),
      ),
    )
    .orderBy(asc(flags.id))
  return new Map(
    rows.map(({ key, archivedAt, definition, managedBy, applied }) => [
      key,
      {
        stored: (archivedAt === null && definition) || undefined,
        managedBy: managedBy ?? undefined,
        applied: applied ?? definition ?? undefined,
      },
    ]),
  )
}

/** Segments or metadata of an environment, with their managers. */
export function ownedIn<T>(
  kind: 'segments' | 'metadata',
  stored: Readonly<Record<string, T>>,
  rows: readonly ManagerRow[],
): Map<string, OwnedEntry<T>> {
  const entries = new Map<string, OwnedEntry<T>>()
  for (const [name, value] of Object.entries(stored))
    entries.set(name, { stored: value, managedBy: undefined, applied: undefined })
  for (const row of rows)
    for (const [name, applied] of Object.entries(row[kind]))
      entries.set(name, { stored: entries.get(name)?.stored, managedBy: row.name, applied: applied as T })
  return entries
}

/** Sets and clears the manager of flags whose definitions are written already. */
export async function storeClaims(
  tx: Transaction,
  environment: EnvironmentRow,
  { manager, claimed, released }: { manager: string; claimed: ReadonlySet<string>; released: ReadonlySet<string> },
): Promise<void> {
  for (const [keys, managedBy] of [
    [released, null],
    [claimed, manager],
  ] as const) {
    if (keys.size === 0) continue
    const ids = tx
      .select({ id: flags.id })
      .from(flags)
      .where(and(eq(flags.projectId, environment.projectId), sql`${flags.key} = any (${sql.param([...keys])}::text[])`))
    await tx
      .update(definitions)
      .set({ managedBy, applied: null })
      .where(and(eq(definitions.environmentId, environment.id), inArray(definitions.flagId, ids)))
  }
}

export async function storeManager(tx: Transaction, row: ManagerRow): Promise<void> {
  const { locked, segments, metadata } = row
  await tx
    .insert(managers)
    .values(row)
    .onConflictDoUpdate({ target: [managers.environmentId, managers.name], set: { locked, segments, metadata } })
}

/** What a change record says of a manager. */
type ManagerRecord = {
  readonly name: string
  readonly locked: boolean
  /** Keys of flags, at most 100. */
  readonly adopted?: readonly string[]
  readonly released?: readonly string[]
}

/** Records that a manager starts or ends, takes over flags or gives them up. The changes of definitions have their own records. */
export async function recordManager(
  tx: Transaction,
  environment: EnvironmentRow,
  change: {
    readonly author: Author
    readonly revision: bigint
    readonly before?: ManagerRecord
    readonly after?: ManagerRecord
  },
): Promise<void> {
  const { author, revision, before, after } = change
  const names = { project: environment.project, environment: environment.key, revision }
  await recordChanges(tx, author, [
    {
      subject: 'environment',
      action: 'update',
      ...names,
      before: { manager: before ?? null },
      after: { manager: after ?? null },
    },
  ])
}
