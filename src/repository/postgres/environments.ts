import { isDeepStrictEqual } from 'node:util'
import { and, asc, eq, max, type SQL, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { FlagError } from '../../flag/error.ts'
import { refuseRebucketing } from '../../flag/needs/prerequisites.ts'
import { own } from '../../flag/rules/expression.ts'
import { type Author, type ExpectedVersion, expectRevision, lastRevision, recordChanges } from './changes.ts'
import type { Database, Db, Transaction } from './database.ts'
import { checkDocumentSize } from './document-size.ts'
import { refuseLockedSettings } from './managed/locks.ts'
import { refuseWhileRunning } from './plans/running.ts'
import { selectProject } from './projects.ts'
import { forgetEnvironment } from './stale/forget.ts'
import { deployment, environments, type Patch, projects } from './tables.ts'

export type EnvironmentSettings = Pick<
  EnvironmentRow,
  'name' | 'description' | 'bucketing' | 'position' | 'protected' | 'metadata'
>
/** The settings of a new environment; by default it is the last one, unprotected and without metadata. */
export type NewEnvironmentSettings = Pick<EnvironmentSettings, 'name' | 'description' | 'bucketing'> &
  Patch<Pick<EnvironmentSettings, 'position' | 'protected'>>

/** A project has few environments; this limit keeps the list on one page. */
const ENVIRONMENTS_MAX = 100

/** The environments of a project, ordered by position, then by key. */
export function listEnvironments(database: Database, project: string): Promise<EnvironmentRow[]> {
  return database.read(async (db) => {
    const { id } = await selectProject(db, project)
    const rows = await db
      .select()
      .from(environments)
      .where(eq(environments.projectId, id))
      .orderBy(asc(environments.position), asc(environments.key))
    return rows.map((row) => ({ ...row, project }))
  })
}

export function readEnvironment(database: Database, name: EnvironmentName): Promise<EnvironmentRow> {
  return database.read((db) => readEnvironmentRow(db, name))
}

/**
 * Creates an environment at revision 1, or above the last revision of a deleted environment with the same name: a revision that a replica
 * or client has seen is never reused.
 */
export function createEnvironment(
  database: Database,
  name: EnvironmentName,
  change: { settings: NewEnvironmentSettings; author: Author },
): Promise<EnvironmentRow> {
  return database.write(async (tx) => {
    const project = await selectProject(tx, name.project, 'lock')
    const count = await tx.$count(environments, eq(environments.projectId, project.id))
    if (count >= ENVIRONMENTS_MAX)
      throw new FlagError('conflict', `Cannot create the environment: a project has at most ${ENVIRONMENTS_MAX}`)
    const revision = (await lastRevision(tx, name)) + 1n
    const { position = await nextPosition(tx, project.id), protected: isProtected = false } = change.settings
    const [row] = await tx
      .insert(environments)
      .values({
        ...change.settings,
        position,
        protected: isProtected,
        projectId: project.id,
        key: name.environment,
        revision,
        settingsRevision: revision,
        segmentRevisionsOf: revision,
        changedIn: change.author.traceparent ?? '',
      })
      .returning()
    if (!row) throw new Error('Cannot create an environment: the insert returned no row')
    await recordChanges(tx, change.author, [
      { subject: 'environment', action: 'create', ...name, revision, after: settingsOf(row) },
    ])
    return { ...row, project: name.project }
  })
}

/** Changes settings. A change of bucketing moves users between variants, so change records include it. */
export function updateEnvironment(
  database: Database,
  name: EnvironmentName,
  change: { settings: Patch<EnvironmentSettings>; expected: ExpectedVersion; author: Author; force: boolean },
): Promise<EnvironmentRow> {
  return database.write(async (tx) => {
    const before = await lockEnvironment(tx, name)
    expectRevision(change.expected, before.revision)
    const { bucketing = before.bucketing, metadata = before.metadata, ...others } = change.settings
    if (bucketing !== before.bucketing && !change.force) await refuseWhileRunning(tx, before.id)
    refuseRebucketing(before, bucketing)
    await refuseLockedSettings(tx, before, { metadata })
    await checkDocumentSize(tx, before, { metadata })
    const revision = await raiseRevision(tx, before.id, {
      author: change.author,
      settings: {
        ...(bucketing !== before.bucketing && { bucketing }),
        ...(!isDeepStrictEqual(metadata, before.metadata) && { metadata }),
      },
    })
    if (Object.values(others).some((value) => value !== undefined))
      await tx.update(environments).set(others).where(eq(environments.id, before.id))
    const after = await readEnvironmentRow(tx, name)
    await recordChanges(tx, change.author, [
      {
        subject: 'environment',
        action: 'update',
        ...name,
        revision,
        before: settingsOf(before),
        after: settingsOf(after),
      },
    ])
    return after
  })
}

/** Deletes an environment with its definitions and keys. Its change records stay. */
export function deleteEnvironment(
  database: Database,
  name: EnvironmentName,
  change: { expected: ExpectedVersion; author: Author },
): Promise<void> {
  return database.write(async (tx) => {
    const before = await lockEnvironment(tx, name)
    expectRevision(change.expected, before.revision)
    const revision = await raiseRevision(tx, before.id, change)
    await tx.delete(environments).where(eq(environments.id, before.id))
    await forgetEnvironment(tx, before.id)
    await raiseKeysRevision(tx)
    await recordChanges(tx, change.author, [
      { subject: 'environment', action: 'delete', ...name, revision, before: settingsOf(before) },
    ])
  })
}

/** The position after that of all other environments of the project. */
async function nextPosition(tx: Transaction, projectId: bigint): Promise<number> {
  const [row] = await tx
    .select({ last: max(environments.position) })
    .from(environments)
    .where(eq(environments.projectId, projectId))
  return (row?.last ?? -1) + 1
}

const settingsOf = (row: EnvironmentSettings): EnvironmentSettings => ({
  name: row.name,
  description: row.description,
  bucketing: row.bucketing,
  position: row.position,
  protected: row.protected,
  metadata: row.metadata,
})

/** Name of an environment: `project` and `environment` are keys. */
export type EnvironmentName = { readonly project: string; readonly environment: string }
export type EnvironmentRow = typeof environments.$inferSelect & { readonly project: string }

/** Reads an environment by name. Fails with `not_found`. */
export function readEnvironmentRow(db: Db | Transaction, name: EnvironmentName): Promise<EnvironmentRow> {
  return found(selectEnvironment(db, name), name)
}

/**
 * Reads an environment and locks its row until the transaction ends. Changes to one environment are therefore sequential and revisions
 * commit in order: a reader of one revision has all earlier ones.
 */
export function lockEnvironment(tx: Transaction, name: EnvironmentName): Promise<EnvironmentRow> {
  return found(selectEnvironment(tx, name).for('update', { of: named }), name)
}

/** Changes that come with a new revision; `settings` if bucketing, segments or metadata change. */
export type RevisionUpdate = {
  readonly author: Author
  readonly settings?:
    | Partial<Pick<EnvironmentRow, 'bucketing' | 'segments' | 'segmentRevisions' | 'metadata'>>
    | undefined
  /** Other members of the document, if they change. No replica reads them, so they are not part of the settings. */
  readonly members?: EnvironmentRow['members'] | undefined
}

/** Increments the revision of the environment and returns it. */
export async function raiseRevision(
  tx: Transaction,
  environmentId: bigint,
  { author, settings = {}, members }: RevisionUpdate,
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
      ...(Object.keys(settings).length > 0 && {
        settingsRevision: next,
        segmentRevisionsOf: settings.segmentRevisions ? next : followed(next),
      }),
    })
    .where(eq(environments.id, environmentId))
    .returning({ revision: environments.revision })
  if (!row) throw new Error('Cannot raise the revision: the environment row is gone although it was locked')
  return row.revision
}

/** The revision at which a segment last changed. After settings by an older version it is that of the settings, for each segment. */
export function segmentRevision(environment: EnvironmentRow, segment: string): bigint {
  const { settingsRevision, segmentRevisions, segmentRevisionsOf } = environment
  const known = segmentRevisionsOf === settingsRevision ? own(segmentRevisions, segment) : undefined
  return known === undefined ? settingsRevision : BigInt(known)
}

/** `next` if the revisions of segments belong to the present settings, which change without them. */
const followed = (next: SQL): SQL =>
  sql`case when ${environments.segmentRevisionsOf} = ${environments.settingsRevision} then ${next} else ${environments.segmentRevisionsOf} end`

/** An alias of the table, because FOR UPDATE OF accepts no name with a schema. */
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

/** Increments the number by which replicas detect that the set of keys changed. */
export async function raiseKeysRevision(tx: Transaction): Promise<void> {
  await tx.update(deployment).set({ keysRevision: sql`${deployment.keysRevision} + 1` })
}
