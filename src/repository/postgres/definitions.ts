import { isDeepStrictEqual } from 'node:util'
import { and, asc, eq, gt, isNotNull, isNull } from 'drizzle-orm'
import { checkDefinition } from '../../flag/check/definition.ts'
import { checkSeeds } from '../../flag/check/seeds.ts'
import type { Definition } from '../../flag/definition.ts'
import { FlagError, type Mistake } from '../../flag/error.ts'
import {
  type Author,
  type ExpectedVersion,
  expectRevision,
  type NewChangeRecord,
  recordChanges,
  selectChanges,
} from './changes.ts'
import type { Database, Db, Transaction } from './database.ts'
import {
  type EnvironmentName,
  type EnvironmentRow,
  lockEnvironment,
  raiseRevision,
  readEnvironmentRow,
} from './environments.ts'
import {
  archiveOrphans,
  checkTypes,
  createOrRestoreFlags,
  type DefinitionDifference,
  type LockedFlag,
  lockFlags,
  storeDefinitions,
} from './flag-rows.ts'
import { definitions, flags, lastEvaluations } from './tables.ts'

/** One flag in one environment. `revision` is that of its last change. */
export type StoredDefinition = { readonly key: string; readonly definition: Definition; readonly revision: bigint }

/** The definition after a change, with warnings about it. */
export type ChangedDefinition = StoredDefinition & { readonly warnings: readonly Mistake[] }

/** With the last stored evaluation in this environment. */
export type ListedDefinition = StoredDefinition & { readonly lastEvaluatedAt: Date | null }

/** Name of a flag in an environment. */
export type FlagName = EnvironmentName & { readonly flag: string }

export type DefinitionChange = {
  /** Makes the new definition from the stored one; undefined removes it. Called once, while the environment is locked. */
  readonly next: (before: Definition | undefined) => Definition | undefined
  readonly expected: ExpectedVersion
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

/** Reads one definition. Fails with `not_found`. */
export function readDefinition(database: Database, name: FlagName): Promise<StoredDefinition> {
  return database.read(async (db) => {
    const environment = await readEnvironmentRow(db, name)
    const stored = await selectDefinition(db, environment.id, name.flag)
    if (!stored) throw missing(name)
    return stored
  })
}

/** Creates, replaces or removes one definition under a new revision. A change without a difference does nothing. */
export function changeDefinition(
  database: Database,
  name: FlagName,
  change: DefinitionChange,
): Promise<ChangedDefinition | undefined> {
  return database.write((tx) =>
    replaceDefinition(tx, name, change, (before) => {
      const definition = change.next(before)
      if (definition === undefined && before === undefined) throw missing(name)
      return definition
    }),
  )
}

/** Restores a flag's definition of `revision` as a new change: history is never rewritten. */
export function rollBack(
  database: Database,
  name: FlagName,
  change: { to: bigint; expected: ExpectedVersion; author: Author },
): Promise<ChangedDefinition | undefined> {
  return database.write((tx) =>
    replaceDefinition(tx, name, { ...change, action: 'rollback' }, async () => {
      const [then] = await selectChanges(tx, { ...name, subject: 'definition', limit: 1, upTo: change.to })
      if (!then) throw new FlagError('not_found', `Flag "${name.flag}" has no version at revision ${change.to}`)
      return (then.after ?? undefined) as Definition | undefined
    }),
  )
}

async function replaceDefinition(
  tx: Transaction,
  name: FlagName,
  { expected, author, action }: { expected: ExpectedVersion; author: Author; action?: 'rollback' },
  next: (before: Definition | undefined) => Definition | undefined | Promise<Definition | undefined>,
): Promise<ChangedDefinition | undefined> {
  const environment = await lockEnvironment(tx, name)
  const before = await selectDefinition(tx, environment.id, name.flag)
  expectRevision(expected, before?.revision)
  const definition = await next(before?.definition)
  const { revision, changed, warnings } = await writeDefinitions(tx, environment, {
    next: new Map([[name.flag, definition]]),
    pointer: () => '',
    author,
    ...(action && { action }),
  })
  const isUnchanged = before && changed.length === 0
  return definition && { key: name.flag, definition, revision: isUnchanged ? before.revision : revision, warnings }
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

/** Drops removed definitions. */
function present<T extends { definition: Definition | null }>(
  rows: readonly T[],
): (Omit<T, 'definition'> & { definition: Definition })[] {
  return rows.flatMap(({ definition, ...row }) => (definition ? [{ ...row, definition }] : []))
}

const missing = ({ project, environment, flag }: FlagName) =>
  new FlagError('not_found', `Flag "${flag}" does not exist in "${project}/${environment}"`)

/** Changes to a locked environment. */
export type DefinitionsWrite = {
  /** The new definition of each key; undefined removes it. Keys that are absent stay as they are. */
  readonly next: ReadonlyMap<string, Definition | undefined>
  /** New segments and metadata, if they change. */
  readonly settings?: Pick<EnvironmentRow, 'segments' | 'metadata'> | undefined
  /** Other members of the document, if they change. */
  readonly members?: EnvironmentRow['members'] | undefined
  /** JSON Pointer to a key's definition in the caller's document. */
  readonly pointer: (key: string) => string
  readonly author: Author
  readonly action?: 'rollback'
  /** False stores definitions with rule mistakes; each one then fails alone at evaluation. */
  readonly strict?: boolean
  /** True computes the difference and writes nothing. */
  readonly dryRun?: boolean
  /** True archives a removed flag that no other environment defines. */
  readonly archive?: boolean
}

/** `revision` is unchanged if nothing differed. `warnings`: rule mistakes that were allowed, and rules that other engines evaluate differently. */
export type WriteResult = {
  readonly revision: bigint
  readonly changed: readonly DefinitionDifference[]
  readonly warnings: readonly Mistake[]
}

/** Writes definitions of a locked environment, all under one new revision, each with its change record. */
export async function writeDefinitions(
  tx: Transaction,
  environment: EnvironmentRow,
  write: DefinitionsWrite,
): Promise<WriteResult> {
  const stored = await lockFlags(tx, environment, [...write.next.keys()])
  const changed = differences(stored, write.next)
  const warnings = checkRules(changed, write.settings?.segments ?? environment.segments, write)
  if (write.dryRun || (changed.length === 0 && !write.settings && !write.members))
    return { revision: environment.revision, changed, warnings }

  await checkTypes(tx, environment, { changed, stored, pointer: write.pointer })
  const revision = await raiseRevision(tx, environment.id, write)
  const arrived = await createOrRestoreFlags(tx, environment, { changed, stored })
  await storeDefinitions(tx, environment, { changed, stored, revision })
  const archived = write.archive ? await archiveOrphans(tx, environment, { changed, stored }) : []
  const names = { project: environment.project, environment: environment.key, revision }
  await recordChanges(tx, write.author, [
    ...arrived.map((entry) => ({ ...names, ...entry })),
    ...changed.map((difference) => ({ ...names, ...entryOf(difference, write.action) })),
    ...archived.map((entry) => ({ ...names, ...entry })),
  ])
  return { revision, changed, warnings }
}

function differences(stored: ReadonlyMap<string, LockedFlag>, next: DefinitionsWrite['next']): DefinitionDifference[] {
  const changed: DefinitionDifference[] = []
  for (const [key, after] of next) {
    const before = stored.get(key)?.definition
    if (!isDeepStrictEqual(before, after)) changed.push({ key, before, after })
  }
  return changed
}

/** Rejects rule mistakes, with their JSON Pointers, so that they do not fail at evaluation. */
function checkRules(
  changed: readonly DefinitionDifference[],
  segments: EnvironmentRow['segments'],
  write: DefinitionsWrite,
): Mistake[] {
  const mistakes = changed.flatMap(({ key, after }) =>
    after ? checkDefinition(after, segments, write.pointer(key)) : [],
  )
  if (mistakes.length > 0 && write.strict !== false)
    throw new FlagError('invalid', 'Cannot store the flags: their definitions have mistakes', { mistakes })
  // Valid rules that other engines evaluate differently.
  const doubts = changed.flatMap(({ key, after }) => checkSeeds(after?.targeting, `${write.pointer(key)}/targeting`))
  return [...mistakes, ...doubts]
}

function entryOf({ key, before, after }: DefinitionDifference, action?: 'rollback'): NewChangeRecord {
  const verb = before ? (after ? 'update' : 'delete') : 'create'
  return { subject: 'definition', action: action ?? verb, flag: key, before: before ?? null, after: after ?? null }
}
