import { and, eq, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { FlagError } from '../../flag/error.ts'
import type { Author } from './changes.ts'
import type { Db, Transaction } from './database.ts'
import { environments, projects } from './tables.ts'

/** Names an environment: `project` and `environment` are keys. */
export type EnvironmentName = { readonly project: string; readonly environment: string }
export type EnvironmentRow = typeof environments.$inferSelect & { readonly project: string }

/** Reads an environment by name, or fails with `not_found`. */
export function readEnvironmentRow(db: Db | Transaction, name: EnvironmentName): Promise<EnvironmentRow> {
  return found(selectEnvironment(db, name), name)
}

/**
 * Reads an environment and locks its row until the transaction ends. Changes of one environment so happen one after
 * another, and revisions commit in order: a reader that has seen one has seen all before it.
 */
export function lockEnvironment(tx: Transaction, name: EnvironmentName): Promise<EnvironmentRow> {
  return found(selectEnvironment(tx, name).for('update', { of: named }), name)
}

/** What raises a revision; `settings` when bucketing, segments or metadata change with it. */
export type Raise = {
  readonly author: Author
  readonly settings?: Partial<Pick<EnvironmentRow, 'bucketing' | 'segments' | 'metadata'>> | undefined
  /** Other members of the document, when they change: no replica reads them, so they are no settings. */
  readonly members?: EnvironmentRow['members'] | undefined
}

/** Gives the environment its next revision. */
export async function raiseRevision(
  tx: Transaction,
  environmentId: bigint,
  { author, settings = {}, members }: Raise,
): Promise<bigint> {
  const next = sql`${environments.revision} + 1`
  const [row] = await tx
    .update(environments)
    .set({
      revision: next,
      changedAt: sql`clock_timestamp()`,
      changedIn: author.traceparent ?? '',
      ...settings,
      ...(members && { members }),
      ...(Object.keys(settings).length > 0 && { settingsRevision: next }),
    })
    .where(eq(environments.id, environmentId))
    .returning({ revision: environments.revision })
  if (!row) throw new Error('Cannot raise the revision: the environment row is gone although it was locked')
  return row.revision
}

/** Which versions a caller accepts to overwrite: these, any that exists, none at all, or (undefined) whatever is there. */
export type Expected = readonly bigint[] | 'present' | 'absent' | undefined

/** Fails with `stale` unless what is there is what the caller expects; `current` is undefined when nothing is. */
export function expectRevision(expected: Expected, current: bigint | undefined): void {
  if (expected === undefined) return
  if (current === undefined) {
    if (expected === 'absent') return
    throw new FlagError('stale', 'Cannot apply the change: nothing is there yet')
  }
  if (expected === 'present' || (expected !== 'absent' && expected.includes(current))) return
  throw new FlagError(
    'stale',
    `Cannot apply the change: the current version is "${current}", and not one that the request accepts`,
  )
}

/** The table under a name of its own: FOR UPDATE OF takes no name with a schema. */
const named = alias(environments, 'environment')

function selectEnvironment(db: Db | Transaction, name: EnvironmentName) {
  return db
    .select({ environment: named, project: projects.key })
    .from(named)
    .innerJoin(projects, eq(projects.id, named.projectId))
    .where(and(eq(projects.key, name.project), eq(named.key, name.environment)))
}

async function found(
  rows: PromiseLike<{ environment: typeof environments.$inferSelect; project: string }[]>,
  name: EnvironmentName,
): Promise<EnvironmentRow> {
  const [row] = await rows
  if (!row) throw new FlagError('not_found', `Environment "${name.project}/${name.environment}" does not exist`)
  return { ...row.environment, project: row.project }
}
