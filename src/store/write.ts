import { isDeepStrictEqual } from 'node:util'
import { and, asc, eq, inArray, isNotNull, ne, type SQL, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { checkDefinition } from '../flag/check.ts'
import type { Definition } from '../flag/definition.ts'
import { FlagError, type Mistake } from '../flag/error.ts'
import { asText, batches } from './batches.ts'
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

type Changes = { readonly changed: readonly Difference[]; readonly stored: Map<string, Stored> }
type Stored = { id: bigint; type: FlagType; archived: boolean; definition: Definition | undefined }

const FLAG_TYPES: readonly FlagType[] = ['boolean', 'string', 'number', 'object']

/** Writes definitions of a locked environment: all of them under one new revision, each with its change record. */
export async function writeDefinitions(tx: Transaction, environment: EnvironmentRow, write: Write): Promise<Written> {
  const stored = await lockFlags(tx, environment, [...write.next.keys()])
  const changed = differences(stored, write.next)
  const warnings = checkRules(changed, write.settings?.segments ?? environment.segments, write)
  if (write.dryRun || (changed.length === 0 && !write.settings))
    return { revision: environment.revision, changed, warnings }

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
async function lockFlags(
  tx: Transaction,
  environment: EnvironmentRow,
  keys: readonly string[],
): Promise<Map<string, Stored>> {
  const flag = alias(flags, 'flag') // FOR UPDATE OF takes no name with a schema
  const stored = new Map<string, Stored>()
  if (keys.length === 0) return stored
  const rows = await tx
    .select({
      id: flag.id,
      key: flag.key,
      type: flag.type,
      archivedAt: flag.archivedAt,
      definition: definitions.definition,
    })
    .from(flag)
    .leftJoin(definitions, and(eq(definitions.flagId, flag.id), eq(definitions.environmentId, environment.id)))
    .where(and(eq(flag.projectId, environment.projectId), inArray(flag.key, keys)))
    .orderBy(asc(flag.id))
    .for('update', { of: flag })
  for (const { key, archivedAt, definition, ...row } of rows)
    stored.set(key, {
      ...row,
      archived: archivedAt !== null,
      definition: (archivedAt === null && definition) || undefined,
    })
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
  const mistakes = changed.flatMap(({ key, after }) =>
    after ? checkDefinition(after, segments, write.pointer(key)) : [],
  )
  if (mistakes.length === 0 || write.strict === false) return mistakes
  throw new FlagError('invalid', 'Cannot store the flags: their definitions have mistakes', { mistakes })
}

/** A flag has one type in all environments; it may change only where no other environment would disagree. */
async function checkTypes(
  tx: Transaction,
  environment: EnvironmentRow,
  write: Changes & Pick<Write, 'pointer'>,
): Promise<void> {
  const turned = write.changed.flatMap(({ key, after }) => {
    const flag = write.stored.get(key)
    return flag && after && typeOf(after) !== flag.type
      ? [{ key, id: flag.id, was: flag.type, type: typeOf(after) }]
      : []
  })
  const elsewhere = await definedElsewhere(
    tx,
    environment,
    turned.map(({ id }) => id),
  )
  const mistakes = turned.flatMap(({ key, id, was, type }): Mistake[] => {
    if (!elsewhere.has(id)) return []
    const message = `Flag "${key}" has ${was} variants in another environment, not ${type} ones`
    return [{ pointer: `${write.pointer(key)}/variants`, message }]
  })
  if (mistakes.length > 0) throw new FlagError('invalid', 'Cannot store the flags: their types differ', { mistakes })
  for (const type of FLAG_TYPES)
    await touchFlags(
      tx,
      turned.flatMap((flag) => (flag.type === type ? [flag.id] : [])),
      { type },
    )
}

/** Which of these flags another environment defines. */
async function definedElsewhere(
  tx: Transaction,
  environment: EnvironmentRow,
  ids: readonly bigint[],
): Promise<Set<bigint>> {
  if (ids.length === 0) return new Set()
  const rows = await tx
    .selectDistinct({ id: definitions.flagId })
    .from(definitions)
    .where(
      and(
        inArray(definitions.flagId, ids),
        ne(definitions.environmentId, environment.id),
        isNotNull(definitions.definition),
      ),
    )
  return new Set(rows.map(({ id }) => id))
}

async function touchFlags(
  tx: Transaction,
  ids: readonly bigint[],
  set: { type: FlagType } | { archivedAt: SQL | null },
): Promise<void> {
  if (ids.length > 0)
    await tx
      .update(flags)
      .set({ ...set, version: sql`${flags.version} + 1` })
      .where(inArray(flags.id, ids))
}

/** Gives new keys an identity and brings archived ones back; `stored` has them all afterwards. */
async function takeIn(tx: Transaction, environment: EnvironmentRow, write: Changes): Promise<NewChange[]> {
  const fresh = write.changed.flatMap(({ key, after }) =>
    after && !write.stored.has(key) ? [{ key, type: typeOf(after) }] : [],
  )
  for (const rows of batches(fresh)) {
    const made = await tx.execute<{ id: string; key: string; type: FlagType }>(sql`
      insert into flagstaff.flags (project_id, key, type)
      select ${String(environment.projectId)}::bigint, row.key, row.type from json_to_recordset(${JSON.stringify(rows)}::json) as row(key text, type text)
      returning id, key, type`)
    for (const { id, key, type } of made)
      write.stored.set(key, { id: BigInt(id), type, archived: false, definition: undefined })
  }
  const back = write.changed.flatMap(({ key, after }) => {
    const flag = write.stored.get(key)
    return after && flag?.archived ? [{ key, id: flag.id }] : []
  })
  await touchFlags(
    tx,
    back.map(({ id }) => id),
    { archivedAt: null },
  )
  return [
    ...fresh.map((flag): NewChange => ({ subject: 'flag', action: 'create', flag: flag.key, after: flag })),
    ...back.map(({ key }): NewChange => ({ subject: 'flag', action: 'restore', flag: key })),
  ]
}

async function store(
  tx: Transaction,
  environment: EnvironmentRow,
  write: Changes & { revision: bigint },
): Promise<void> {
  const rows = write.changed.flatMap(({ key, after }) => {
    const flag = write.stored.get(key)
    return flag ? [{ flag_id: String(flag.id), definition: asText(after) }] : []
  })
  for (const batch of batches(rows))
    await tx.execute(sql`
      insert into flagstaff.definitions (environment_id, flag_id, definition, revision)
      select ${String(environment.id)}::bigint, row.flag_id, row.definition::json, ${String(write.revision)}::bigint
      from json_to_recordset(${JSON.stringify(batch)}::json) as row(flag_id bigint, definition text)
      on conflict (environment_id, flag_id) do update set definition = excluded.definition, revision = excluded.revision`)
}

/** Archives what was removed here and is defined nowhere else. */
async function archiveOrphans(tx: Transaction, environment: EnvironmentRow, write: Changes): Promise<NewChange[]> {
  const removed = write.changed.flatMap(({ key, after }) => {
    const flag = write.stored.get(key)
    return flag && !after ? [{ key, id: flag.id }] : []
  })
  const elsewhere = await definedElsewhere(
    tx,
    environment,
    removed.map(({ id }) => id),
  )
  const orphans = removed.filter(({ id }) => !elsewhere.has(id))
  await touchFlags(
    tx,
    orphans.map(({ id }) => id),
    { archivedAt: sql`clock_timestamp()` },
  )
  return orphans.map(({ key }): NewChange => ({ subject: 'flag', action: 'archive', flag: key }))
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
