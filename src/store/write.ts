import { isDeepStrictEqual } from 'node:util'
import { and, asc, eq, inArray, isNotNull, ne, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { checkDefinition } from '../flag/check.ts'
import type { Definition } from '../flag/definition.ts'
import { FlagError, type Mistake } from '../flag/error.ts'
import { type Author, type NewChange, record } from './changes.ts'
import type { Transaction } from './database.ts'
import { type EnvironmentRow, raiseRevision } from './revision.ts'
import { definitions, type FlagType, flags } from './tables.ts'

/** What shall be written to a locked environment. */
export type Write = {
  /** What shall stand under each key; undefined removes. Keys that are not named stay as they are. */
  readonly next: ReadonlyMap<string, Definition | undefined>
  /** New segments and metadata, when they change too. */
  readonly settings?: Pick<EnvironmentRow, 'segments' | 'metadata'> | undefined
  /** JSON Pointer to a key's definition in the caller's document. */
  readonly pointer: (key: string) => string
  readonly author: Author
  readonly action?: 'rollback'
  /** False stores definitions whose rules are wrong; each is then isolated at evaluation. */
  readonly strict?: boolean
  /** True works out the difference and writes nothing. */
  readonly dryRun?: boolean
  /** True archives the identity of a removed flag that no other environment defines. */
  readonly archive?: boolean
}

/** What one key turned from and into. */
export type Difference = {
  readonly key: string
  readonly before: Definition | undefined
  readonly after: Definition | undefined
}
/** `revision` is the new one, or the old one when nothing differed. `warnings` are the rule mistakes that were let pass. */
export type Written = {
  readonly revision: bigint
  readonly changed: readonly Difference[]
  readonly warnings: readonly Mistake[]
}

type Stored = { id: bigint; type: FlagType; archived: boolean; definition: Definition | undefined }

/** Rows per statement: keeps the number of parameters below Postgres's 65,535. */
const BATCH = 1_000

/** Writes definitions of a locked environment: all of them under one new revision, each with its change record. */
export async function writeDefinitions(tx: Transaction, environment: EnvironmentRow, write: Write): Promise<Written> {
  const stored = await lockFlags(tx, environment, [...write.next.keys()])
  const changed = differences(stored, write.next)
  const warnings = checkRules(changed, write.settings?.segments ?? environment.segments, write)
  if (write.dryRun || (changed.length === 0 && !write.settings)) return { revision: environment.revision, changed, warnings }

  await checkTypes(tx, environment, { changed, stored, pointer: write.pointer })
  const revision = await raiseRevision(tx, environment.id, write.settings)
  const arrived = await takeIn(tx, environment, { changed, stored })
  await store(tx, environment, { changed, stored, revision })
  const archived = write.archive ? await archiveOrphans(tx, environment, { changed, stored }) : []
  const names = { project: environment.project, environment: environment.key, revision }
  await record(tx, write.author, [
    ...arrived.map((entry) => ({ ...names, ...entry })),
    ...changed.map((difference) => ({ ...names, ...entryOf(difference, write.action) })),
    ...archived.map((entry) => ({ ...names, ...entry })),
  ])
  return { revision, changed, warnings }
}

/** Reads the identities and definitions of `keys` and locks the identities, in one order for all writers. */
async function lockFlags(tx: Transaction, environment: EnvironmentRow, keys: readonly string[]): Promise<Map<string, Stored>> {
  const flag = alias(flags, 'flag') // FOR UPDATE OF takes no name with a schema
  const stored = new Map<string, Stored>()
  if (keys.length === 0) return stored
  const rows = await tx
    .select({ id: flag.id, key: flag.key, type: flag.type, archivedAt: flag.archivedAt, definition: definitions.definition })
    .from(flag)
    .leftJoin(definitions, and(eq(definitions.flagId, flag.id), eq(definitions.environmentId, environment.id)))
    .where(and(eq(flag.projectId, environment.projectId), inArray(flag.key, keys)))
    .orderBy(asc(flag.id))
    .for('update', { of: flag })
  for (const { key, archivedAt, definition, ...row } of rows)
    stored.set(key, { ...row, archived: archivedAt !== null, definition: (archivedAt === null && definition) || undefined })
  return stored
}

function differences(stored: ReadonlyMap<string, Stored>, next: Write['next']): Difference[] {
  const changed: Difference[] = []
  for (const [key, after] of next) {
    const before = stored.get(key)?.definition
    if (!isDeepStrictEqual(before, after)) changed.push({ key, before, after })
  }
  return changed
}

/** Refuses wrong rules here, with their places, so that they are never met at evaluation. */
function checkRules(changed: readonly Difference[], segments: EnvironmentRow['segments'], write: Write): Mistake[] {
  const mistakes = changed.flatMap(({ key, after }) => (after ? checkDefinition(after, segments, write.pointer(key)) : []))
  if (mistakes.length === 0 || write.strict === false) return mistakes
  throw new FlagError('invalid', 'Cannot store the flags: their definitions have mistakes', { mistakes })
}

/** A flag has one type in all environments; it may change only where no other environment would disagree. */
async function checkTypes(
  tx: Transaction,
  environment: EnvironmentRow,
  write: { changed: readonly Difference[]; stored: ReadonlyMap<string, Stored>; pointer: Write['pointer'] },
): Promise<void> {
  const mistakes: Mistake[] = []
  for (const { key, after } of write.changed) {
    const flag = write.stored.get(key)
    if (!flag || !after || typeOf(after) === flag.type) continue
    if (await isElsewhere(tx, environment, flag.id))
      mistakes.push({
        pointer: `${write.pointer(key)}/variants`,
        message: `Flag "${key}" has ${flag.type} variants in another environment, not ${typeOf(after)} ones`,
      })
    else await tx.update(flags).set({ type: typeOf(after), version: sql`${flags.version} + 1` }).where(eq(flags.id, flag.id))
  }
  if (mistakes.length > 0) throw new FlagError('invalid', 'Cannot store the flags: their types differ', { mistakes })
}

async function isElsewhere(tx: Transaction, environment: EnvironmentRow, flagId: bigint): Promise<boolean> {
  const others = and(eq(definitions.flagId, flagId), ne(definitions.environmentId, environment.id), isNotNull(definitions.definition))
  return (await tx.$count(definitions, others)) > 0
}

/** Gives new keys an identity and brings archived ones back; `stored` has them all afterwards. */
async function takeIn(
  tx: Transaction,
  environment: EnvironmentRow,
  write: { changed: readonly Difference[]; stored: Map<string, Stored> },
): Promise<NewChange[]> {
  const entries: NewChange[] = []
  const fresh = write.changed.flatMap(({ key, after }) => (after && !write.stored.has(key) ? [{ key, type: typeOf(after) }] : []))
  for (let at = 0; at < fresh.length; at += BATCH) {
    const rows = fresh.slice(at, at + BATCH).map((flag) => ({ ...flag, projectId: environment.projectId }))
    for (const { id, key, type } of await tx.insert(flags).values(rows).returning()) {
      write.stored.set(key, { id, type, archived: false, definition: undefined })
      entries.push({ subject: 'flag', action: 'create', flag: key, after: { key, type } })
    }
  }
  for (const { key, after } of write.changed) {
    const flag = write.stored.get(key)
    if (!flag?.archived || !after) continue
    await tx.update(flags).set({ archivedAt: null, version: sql`${flags.version} + 1` }).where(eq(flags.id, flag.id))
    entries.push({ subject: 'flag', action: 'restore', flag: key })
  }
  return entries
}

async function store(
  tx: Transaction,
  environment: EnvironmentRow,
  write: { changed: readonly Difference[]; stored: ReadonlyMap<string, Stored>; revision: bigint },
): Promise<void> {
  const rows = write.changed.flatMap(({ key, after }) => {
    const flag = write.stored.get(key)
    return flag ? [{ environmentId: environment.id, flagId: flag.id, definition: after ?? null, revision: write.revision }] : []
  })
  for (let at = 0; at < rows.length; at += BATCH)
    await tx
      .insert(definitions)
      .values(rows.slice(at, at + BATCH))
      .onConflictDoUpdate({
        target: [definitions.environmentId, definitions.flagId],
        set: { definition: sql`excluded.definition`, revision: sql`excluded.revision` },
      })
}

/** Archives what was removed here and is defined nowhere else. */
async function archiveOrphans(
  tx: Transaction,
  environment: EnvironmentRow,
  write: { changed: readonly Difference[]; stored: ReadonlyMap<string, Stored> },
): Promise<NewChange[]> {
  const entries: NewChange[] = []
  for (const { key, after } of write.changed) {
    const flag = write.stored.get(key)
    if (after || !flag || (await isElsewhere(tx, environment, flag.id))) continue
    await tx
      .update(flags)
      .set({ archivedAt: sql`clock_timestamp()`, version: sql`${flags.version} + 1` })
      .where(eq(flags.id, flag.id))
    entries.push({ subject: 'flag', action: 'archive', flag: key })
  }
  return entries
}

function entryOf({ key, before, after }: Difference, action?: 'rollback'): NewChange {
  const verb = before ? (after ? 'update' : 'delete') : 'create'
  return { subject: 'definition', action: action ?? verb, flag: key, before: before ?? null, after: after ?? null }
}

/** The type of a checked definition's variants, which all have the same. */
function typeOf(definition: Definition): FlagType {
  const type = typeof Object.values(definition.variants)[0]
  return type === 'boolean' || type === 'string' || type === 'number' ? type : 'object'
}
