import { and, asc, eq, inArray, isNotNull, ne, type SQL, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { ValueSchema } from '../../flag/check/value-schema.ts'
import type { Definition } from '../../flag/definition.ts'
import { FlagError, type Mistake } from '../../flag/error.ts'
import type { FlagType } from '../../flag/evaluate.ts'
import type { NewChangeRecord } from './changes.ts'
import { asText, batches, type Transaction } from './database.ts'
import type { EnvironmentRow } from './environments.ts'
import { isLockedManager } from './managed/locks.ts'
import { definitions, flags, managers } from './tables.ts'

/** A flag's definition before and after a change. */
export type DefinitionDifference = {
  readonly key: string
  readonly before: Definition | undefined
  readonly after: Definition | undefined
}

/** The differences, and the stored rows of the flags concerned. */
export type PendingDifferences = {
  readonly changed: readonly DefinitionDifference[]
  readonly stored: Map<string, LockedFlag>
}
/** A flag's identity, with its definition in the locked environment. */
export type LockedFlag = {
  id: bigint
  type: FlagType
  archived: boolean
  definition: Definition | undefined
  /** The manager that alone may change the definition. */
  lockedBy?: string | undefined
  /** Null or undefined: any values. */
  valueSchema?: ValueSchema | null
}

const FLAG_TYPES: readonly FlagType[] = ['boolean', 'string', 'number', 'object']

/** Reads the identities and definitions of `keys` and locks the identities, in the same order for all writers. */
export async function lockFlags(
  tx: Transaction,
  environment: EnvironmentRow,
  keys: readonly string[],
): Promise<Map<string, LockedFlag>> {
  const flag = alias(flags, 'flag') // FOR UPDATE OF accepts no name with a schema
  const stored = new Map<string, LockedFlag>()
  if (keys.length === 0) return stored
  const rows = await tx
    .select({
      id: flag.id,
      key: flag.key,
      type: flag.type,
      archivedAt: flag.archivedAt,
      definition: definitions.definition,
      lockedBy: managers.name,
      valueSchema: flag.valueSchema,
    })
    .from(flag)
    .leftJoin(definitions, and(eq(definitions.flagId, flag.id), eq(definitions.environmentId, environment.id)))
    .leftJoin(managers, isLockedManager)
    .where(and(eq(flag.projectId, environment.projectId), inArray(flag.key, keys)))
    .orderBy(asc(flag.id))
    .for('update', { of: flag })
  for (const { key, archivedAt, definition, lockedBy, ...row } of rows)
    stored.set(key, {
      ...row,
      lockedBy: lockedBy ?? undefined,
      archived: archivedAt !== null,
      definition: (archivedAt === null && definition) || undefined,
    })
  return stored
}

type TypedDifferences = PendingDifferences & { readonly pointer: (key: string) => string }

/** Finds flags that have another type in other environments, and those whose type may change: no other environment defines them. */
export async function findTypeMistakes(tx: Transaction, environment: EnvironmentRow, write: TypedDifferences) {
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
  return { turned, mistakes }
}

/** Checks that a flag has one type in all environments. The type may change only if no other environment defines the flag. */
export async function checkTypes(tx: Transaction, environment: EnvironmentRow, write: TypedDifferences): Promise<void> {
  const { turned, mistakes } = await findTypeMistakes(tx, environment, write)
  if (mistakes.length > 0) throw new FlagError('invalid', 'Cannot store the flags: their types differ', { mistakes })
  for (const type of FLAG_TYPES)
    await touchFlags(
      tx,
      turned.flatMap((flag) => (flag.type === type ? [flag.id] : [])),
      { type },
    )
}

/** Those of the flags that another environment defines. */
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

/** Creates identities for new keys and restores archived ones, in this environment alone; `stored` contains all of them afterwards. */
export async function createOrRestoreFlags(
  tx: Transaction,
  environment: EnvironmentRow,
  write: PendingDifferences,
): Promise<NewChangeRecord[]> {
  const fresh = write.changed.flatMap(({ key, after }) =>
    after && !write.stored.has(key) ? [{ key, type: typeOf(after) }] : [],
  )
  for (const batch of batches(fresh)) {
    const { rows: made } = await tx.execute<{ id: string; key: string; type: FlagType }>(sql`
      insert into flagstaff.flags (project_id, key, type)
      select ${String(environment.projectId)}::bigint, row.key, row.type from json_to_recordset(${JSON.stringify(batch)}::json) as row(key text, type text)
      returning id, key, type`)
    for (const { id, key, type } of made)
      write.stored.set(key, { id: BigInt(id), type, archived: false, definition: undefined })
  }
  const back = write.changed.flatMap(({ key, after }) => {
    const flag = write.stored.get(key)
    return after && flag?.archived ? [{ key, id: flag.id }] : []
  })
  const ids = back.map(({ id }) => id)
  await touchFlags(tx, ids, { archivedAt: null })
  await removeElsewhere(tx, environment, ids)
  return [
    ...fresh.map((flag): NewChangeRecord => ({ subject: 'flag', action: 'create', flag: flag.key, after: flag })),
    ...back.map(({ key }): NewChangeRecord => ({ subject: 'flag', action: 'restore', flag: key })),
  ]
}

/**
 * Removes the definitions that other environments kept of archived flags: a change of one environment brings nothing back in another. They
 * were not served, so the revisions there stay. A change there locks the row of the flag first, as here. What a manager applied is kept.
 */
async function removeElsewhere(tx: Transaction, environment: EnvironmentRow, ids: readonly bigint[]): Promise<void> {
  if (ids.length > 0)
    await tx
      .update(definitions)
      .set({
        definition: null,
        applied: sql`case when ${definitions.managedBy} is not null then coalesce(${definitions.applied}, ${definitions.definition}) end`,
      })
      .where(and(inArray(definitions.flagId, ids), ne(definitions.environmentId, environment.id)))
}

/** Writes the definitions under `revision`; a removed one becomes null. What another manager than the writer applied is kept beside. */
export async function storeDefinitions(
  tx: Transaction,
  environment: EnvironmentRow,
  write: PendingDifferences & { revision: bigint; manager: string | undefined },
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
      on conflict (environment_id, flag_id) do update set
        definition = excluded.definition,
        revision = excluded.revision,
        applied = case when definitions.managed_by is null or definitions.managed_by = ${write.manager ?? ''} then null
          else coalesce(definitions.applied, definitions.definition) end`)
}

/** Archives removed flags that no other environment defines. */
export async function archiveOrphans(
  tx: Transaction,
  environment: EnvironmentRow,
  write: PendingDifferences,
): Promise<NewChangeRecord[]> {
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
  return orphans.map(({ key }): NewChangeRecord => ({ subject: 'flag', action: 'archive', flag: key }))
}

/** The type of a checked definition's variants, which is the same for all of them. */
function typeOf(definition: Definition): FlagType {
  const type = typeof Object.values(definition.variants)[0]
  return type === 'boolean' || type === 'string' || type === 'number' ? type : 'object'
}
