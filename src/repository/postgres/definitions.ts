import { and, asc, eq, gt, isNotNull, isNull } from 'drizzle-orm'
import type { Definition } from '../../flag/definition.ts'
import { FlagError, type Mistake } from '../../flag/error.ts'
import { changesBetween } from '../../flag/plan/describe-plan.ts'
import { planIn, withoutRule } from '../../flag/plan/pair.ts'
import { secondOf } from '../../flag/plan/plan.ts'
import { type Author, type ExpectedVersion, expectRevision, selectChanges } from './changes.ts'
import type { Database, Db, Transaction } from './database.ts'
import { type EnvironmentName, lockEnvironment, readEnvironmentRow } from './environments.ts'
import { currentSecond } from './plans/settle.ts'
import { definitions, flags, lastEvaluations, managers } from './tables.ts'
import { writeDefinitions } from './write-definitions.ts'

/** One flag in one environment. `revision` is that of its last change. */
export type StoredDefinition = { readonly key: string; readonly definition: Definition; readonly revision: bigint }

/** The definition after a change, with warnings about it. */
export type ChangedDefinition = StoredDefinition & { readonly warnings: readonly Mistake[] }

/** With the last stored evaluation in this environment, and its manager. */
export type ListedDefinition = StoredDefinition & {
  readonly lastEvaluatedAt: Date | null
  readonly managedBy: { readonly name: string; readonly locked: boolean } | null
}

/** Name of a flag in an environment. */
export type FlagName = EnvironmentName & { readonly flag: string }

export type DefinitionChange = {
  /** Makes the new definition from the stored one at a unix second; undefined removes it. Called once, while the environment is locked. */
  readonly next: (before: Definition | undefined, now: number) => Definition | undefined
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
    replaceDefinition(tx, name, change, (before, now) => {
      const definition = change.next(before, now)
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
  return database.write(async (tx) => {
    const passed: Mistake[] = []
    const written = await replaceDefinition(tx, name, { ...change, action: 'rollback' }, async (_, now) => {
      const [then] = await selectChanges(tx, { ...name, subject: 'definition', limit: 1, upTo: change.to })
      if (!then) throw new FlagError('not_found', `Flag "${name.flag}" has no version at revision ${change.to}`)
      if (then.after === null) return undefined
      const definition = then.after as Definition
      passed.push(...passedSince(definition, Math.floor(then.at.getTime() / 1_000), now))
      return withoutRule(definition)
    })
    return written && { ...written, warnings: [...written.warnings, ...passed] }
  })
}

/** Warnings about moments of a plan that have passed since it was stored: what they do is in force at once. */
function passedSince(definition: Definition, from: number, now: number): Mistake[] {
  const plan = planIn(definition)
  if (!plan) return []
  return changesBetween(plan, from, now).map(({ arm, at }) => ({
    pointer: `/flagstaff/timeline/${arm}`,
    message: `A moment of the plan has passed meanwhile, at ${secondOf(at)}: it is in force at once`,
  }))
}

async function replaceDefinition(
  tx: Transaction,
  name: FlagName,
  { expected, author, action }: { expected: ExpectedVersion; author: Author; action?: 'rollback' },
  next: (before: Definition | undefined, now: number) => Definition | undefined | Promise<Definition | undefined>,
): Promise<ChangedDefinition | undefined> {
  const environment = await lockEnvironment(tx, name)
  const before = await selectDefinition(tx, environment.id, name.flag)
  expectRevision(expected, before?.revision)
  const now = await currentSecond(tx)
  const definition = await next(before?.definition, now)
  const { revision, changed, warnings } = await writeDefinitions(tx, environment, {
    next: new Map([[name.flag, definition]]),
    pointer: () => '',
    author,
    ...(action ? { action } : { now }),
  })
  if (definition === undefined) return undefined
  const [change] = changed
  if (before && !change) return { ...before, warnings }
  return { key: name.flag, definition: change?.after ?? definition, revision, warnings }
}

function selectDefinitions(db: Db | Transaction, environmentId: bigint) {
  return db
    .select({
      key: flags.key,
      definition: definitions.definition,
      revision: definitions.revision,
      lastEvaluatedAt: lastEvaluations.at,
      managedBy: { name: managers.name, locked: managers.locked },
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
    .leftJoin(managers, and(eq(managers.environmentId, environmentId), eq(managers.name, definitions.managedBy)))
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
