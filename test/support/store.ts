import { parseDatabaseUrl } from '../../src/config/database.ts'
import type { Author } from '../../src/repository/postgres/changes.ts'
import { connect } from '../../src/repository/postgres/connection/failover-pool.ts'
import { type Database, openDatabase } from '../../src/repository/postgres/database.ts'
import { createEnvironment } from '../../src/repository/postgres/environments.ts'
import { createProject } from '../../src/repository/postgres/projects.ts'
import { migrate } from '../../src/repository/postgres/schema.ts'
import { testDatabase } from './postgres.ts'

export const AUTHOR: Author = { actor: 'test', comment: '', traceId: '' }

export type Store = { readonly url: string; readonly database: Database; close(): Promise<void> }

/** A new database with our schema, on the real Postgres of the test run. */
export async function openStore(): Promise<Store> {
  const { url, drop } = await testDatabase()
  const address = parseDatabaseUrl(url)
  const client = await connect(address)
  await migrate(client)
  await client.end()
  const database = openDatabase(address)
  return {
    url,
    database,
    close: async () => {
      await database.close()
      await drop()
    },
  }
}

let made = 0

/** A new project with one environment. */
export async function freshEnvironment(database: Database): Promise<{ project: string; environment: string }> {
  made += 1
  const name = { project: `project-${made}`, environment: 'test' }
  await createProject(database, { key: name.project, name: 'Project', description: '' }, AUTHOR)
  await createEnvironment(database, name, {
    settings: { name: 'Test', description: '', bucketing: 'v2' },
    author: AUTHOR,
  })
  return name
}
