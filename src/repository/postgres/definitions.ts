import { and, asc, eq, gt, isNotNull, isNull } from 'drizzle-orm'
import type { Definition } from '../../flag/definition.ts'
import { FlagError, type Mistake } from '../../flag/error.ts'
import { type Author, selectChanges } from './changes.ts'
import type { Database, Db, Transaction } from './database.ts'
import { type EnvironmentName, type Expected, expectRevision, lockEnvironment, readEnvironmentRow } from './revision.ts'
import { definitions, flags, lastEvaluations } from './tables.ts'
import { type Written, writeDefinitions } from './write-definitions.ts'

/** One flag in one environment. `revision` is the one at which it last changed. */
export type StoredDefinition = { readonly key: string; readonly definition: Definition; readonly revision: bigint }

/** After a change, with what is doubtful about it. */
export type ChangedDefinition = StoredDefinition & { readonly warnings: readonly Mistake[] }

/** With its last evaluation in this environment, as far as it was stored yet. */
export type ListedDefinition = StoredDefinition & { readonly lastEvaluatedAt: Date | null }

/** Names a flag in an environment. */
export type FlagName = EnvironmentName & { readonly flag: string }

export type DefinitionChange = {
  /** What shall stand there, made from what stands there; undefined removes. Called once, while the environment is locked. */
  readonly next: (before: Definition | undefined) => Definition | undefined
  readonly expected: Expected
  readonly author: Author
}

/** The definitions of an environment in the order of their flags' keys, after `after`. */
export function listDefinitions(
  database: Database,
  name: EnvironmentName,
  page: { after: string; limit: number },
): Promise<ListedDefinition[]> {
  return database.read(async (db) => {
    const environment = await readEnvironmentRow(db, name)
    return present(
      await selectDefinitions(db, environment.id)
        .where(and(isNotNull(definitions.definition), gt(flags.key, page.after)))
        .orderBy(asc(flags.key))
        .limit(page.limit),
    )
  })
}

/** Reads one definition, or fails with `not_found`. */
export function readDefinition(database: Database, name: FlagName): Promise<StoredDefinition> {
  return database.read(async (db) => {
    const environment = await readEnvironmentRow(db, name)
    const stored = await selectDefinition(db, environment.id, name.flag)
    if (!stored) throw missing(name)
    return stored
  })
}

/** Creates, replaces or removes one definition under a new revision; a change to the same changes nothing. */
export function changeDefinition(
  database: Database,
  name: FlagName,
  change: DefinitionChange,
): Promise<ChangedDefinition | undefined> {
  return database.write(async (tx) => {
    const environment = await lockEnvironment(tx, name)
    const before = await selectDefinition(tx, environment.id, name.flag)
    expectRevision(change.expected, before?.revision)
    const definition = change.next(before?.definition)
    if (definition === undefined && !before) throw missing(name)
    const written = await writeDefinitions(tx, environment, {
      next: new Map([[name.flag, definition]]),
      pointer: () => '',
      author: change.author,
    })
    return definition && changedOf({ key: name.flag, definition }, written, before)
  })
}

/** Brings a flag back to what it was at `revision`, as a new change on top: history is never rewritten. */
export function rollBack(
  database: Database,
  name: FlagName,
  change: { to: bigint; expected: Expected; author: Author },
): Promise<ChangedDefinition | undefined> {
  return database.write(async (tx) => {
    const environment = await lockEnvironment(tx, name)
    const before = await selectDefinition(tx, environment.id, name.flag)
    expectRevision(change.expected, before?.revision)
    const [then] = await selectChanges(tx, { ...name, subject: 'definition', limit: 1, upTo: change.to })
    if (!then) throw new FlagError('not_found', `Flag "${name.flag}" has no version at revision ${change.to}`)
    const definition = (then.after ?? undefined) as Definition | undefined
    const written = await writeDefinitions(tx, environment, {
      next: new Map([[name.flag, definition]]),
      pointer: () => '',
      author: change.author,
      action: 'rollback',
    })
    return definition && changedOf({ key: name.flag, definition }, written, before)
  })
}

function changedOf(
  stored: Omit<StoredDefinition, 'revision'>,
  { revision, changed, warnings }: Written,
  before: StoredDefinition | undefined,
): ChangedDefinition {
  return { ...stored, revision: changed.length > 0 || !before ? revision : before.revision, warnings }
}

function selectDefinitions(db: Db | Transaction, environmentId: bigint) {
  return db
    .select({
      key: flags.key,
      definition: definitions.definition,
      revision: definitions.revision,
      lastEvaluatedAt: lastEvaluations.at,
    })
    .from(definitions)
    .innerJoin(
      flags,
      and(eq(flags.id, definitions.flagId), isNull(flags.archivedAt), eq(definitions.environmentId, environmentId)),
    )
    .leftJoin(
      lastEvaluations,
      and(eq(lastEvaluations.flagId, flags.id), eq(lastEvaluations.environmentId, environmentId)),
    )
    .$dynamic()
}

async function selectDefinition(
  db: Db | Transaction,
  environmentId: bigint,
  key: string,
): Promise<ListedDefinition | undefined> {
  return present(await selectDefinitions(db, environmentId).where(eq(flags.key, key)))[0]
}

/** Leaves out what was removed. */
function present<T extends { definition: Definition | null }>(
  rows: readonly T[],
): (Omit<T, 'definition'> & { definition: Definition })[] {
  return rows.flatMap(({ definition, ...row }) => (definition ? [{ ...row, definition }] : []))
}

const missing = ({ project, environment, flag }: FlagName) =>
  new FlagError('not_found', `Flag "${flag}" does not exist in "${project}/${environment}"`)
