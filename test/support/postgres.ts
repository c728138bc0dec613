import { randomBytes } from 'node:crypto'
import { parseDatabaseUrl } from '../../src/config/database.ts'
import { connect } from '../../src/repository/postgres/connection/failover-pool.ts'

/** The server that the tests use; `npm test` starts one if the environment names none. */
export function serverUrl(): string {
  const url = process.env['TEST_DATABASE_URL']
  if (url === undefined)
    throw new Error('TEST_DATABASE_URL is not set: run the tests with npm test, which starts a Postgres')
  return url
}

/** Creates an empty database with a random name on the real server; `drop` removes it and closes its remaining connections. */
export async function testDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `test_${randomBytes(8).toString('hex')}`
  await execute(`create database ${name}`)
  const url = new URL(serverUrl())
  url.pathname = `/${name}`
  return { url: url.href, drop: () => execute(`drop database if exists ${name} with (force)`) }
}

/** Runs one statement on the server itself. */
export async function execute(statement: string): Promise<void> {
  const client = await connect(parseDatabaseUrl(serverUrl()))
  await client.query(statement)
  await client.end()
}
