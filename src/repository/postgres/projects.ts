import { asc, eq, gt, sql } from 'drizzle-orm'
import { FlagError } from '../../flag/error.ts'
import { type Author, type ExpectedVersion, expectRevision, recordChanges } from './changes.ts'
import type { Database, Db, Transaction } from './database.ts'
import { flags, type Patch, projects } from './tables.ts'

export type Project = typeof projects.$inferSelect
export type ProjectText = Pick<Project, 'name' | 'description'>

/** Projects in the order of their keys, after `after`. */
export function listProjects(database: Database, page: { after: string; limit: number }): Promise<Project[]> {
  return database.read((db) =>
    db.select().from(projects).where(gt(projects.key, page.after)).orderBy(asc(projects.key)).limit(page.limit),
  )
}

export function readProject(database: Database, key: string): Promise<Project> {
  return database.read((db) => selectProject(db, key))
}

export function createProject(
  database: Database,
  project: ProjectText & { key: string },
  author: Author,
): Promise<Project> {
  return database.write(async (tx) => {
    const [row] = await tx.insert(projects).values(project).returning()
    if (!row) throw new Error('Cannot create a project: the insert returned no row')
    await recordChanges(tx, author, [{ subject: 'project', action: 'create', project: row.key, after: project }])
    return row
  })
}

/** Changes name or description; `expected` are the versions that the caller accepts to overwrite. */
export function updateProject(
  database: Database,
  key: string,
  change: { text: Patch<ProjectText>; expected: ExpectedVersion; author: Author },
): Promise<Project> {
  return database.write(async (tx) => {
    const before = await selectProject(tx, key, 'lock')
    expectRevision(change.expected, before.version)
    const [row] = await tx
      .update(projects)
      .set({ ...change.text, version: sql`${projects.version} + 1` })
      .where(eq(projects.id, before.id))
      .returning()
    if (!row) throw new Error('Cannot update a project: its row is gone although it was locked')
    const texts = ({ name, description }: Project) => ({ name, description })
    await recordChanges(tx, change.author, [
      { subject: 'project', action: 'update', project: key, before: texts(before), after: texts(row) },
    ])
    return row
  })
}

/** Deletes a project without environments (otherwise `conflict`), with its flag identities. */
export function deleteProject(
  database: Database,
  key: string,
  change: { expected: ExpectedVersion; author: Author },
): Promise<void> {
  return database.write(async (tx) => {
    const before = await selectProject(tx, key, 'lock')
    expectRevision(change.expected, before.version)
    await tx.delete(flags).where(eq(flags.projectId, before.id))
    await tx.delete(projects).where(eq(projects.id, before.id))
    const { name, description } = before
    await recordChanges(tx, change.author, [
      { subject: 'project', action: 'delete', project: key, before: { key, name, description } },
    ])
  })
}

/** Reads a project by key, and optionally locks its row until the transaction ends. Fails with `not_found`. */
export async function selectProject(db: Db | Transaction, key: string, lock?: 'lock'): Promise<Project> {
  const query = db.select().from(projects).where(eq(projects.key, key))
  const [row] = await (lock ? query.for('update') : query)
  if (!row) throw new FlagError('not_found', `Project "${key}" does not exist`)
  return row
}
