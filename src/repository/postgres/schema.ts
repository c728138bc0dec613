import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { migrate as runMigrations } from 'drizzle-orm/node-postgres/migrator'
import type pg from 'pg'
import { FlagError } from '../../flag/error.ts'
import journal from './migrations/meta/_journal.json' with { type: 'json' }

/** Id of the advisory lock, a number that no other program uses: the bytes of "flag". */
const MIGRATION_LOCK = 0x666c6167
const NEWEST = Math.max(...journal.entries.map((entry) => entry.when))
/** SQLSTATE of a relation that does not exist: the database was never migrated. */
const UNDEFINED_TABLE = '42P01'

/**
 * Brings the schema up to date, in one transaction. Concurrent runs are safe. Drizzle's migrator takes no lock
 * (drizzle-team/drizzle-orm#874), so the transaction begins here with one; the migrator's own BEGIN only causes a notice. The lock ends
 * with the transaction, because a session's lock would stay in a pooler's connection.
 */
export async function migrate(client: pg.Client): Promise<void> {
  const db = drizzle(client)
  await client.query('begin')
  await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
  await runMigrations(db, {
    migrationsFolder: migrationsFolder(),
    migrationsSchema: 'flagstaff',
    migrationsTable: 'migrations',
  })
  if ((await newestMigration(db)) < NEWEST) throw new Error('The migrations were not committed')
}

/** The folder beside this file or its bundle; beside the program if it is one compiled file, which contains no folders. */
function migrationsFolder(): string {
  const folder = fileURLToPath(new URL('./migrations', import.meta.url))
  return existsSync(folder) ? folder : join(dirname(process.execPath), 'migrations')
}

/** Refuses a database whose schema is older than this program. A newer schema is accepted: during a rollout, migrations only add. */
export async function checkSchema(db: NodePgDatabase): Promise<void> {
  if ((await newestMigration(db)) >= NEWEST) return
  throw new FlagError('unavailable', 'The database schema is behind this version; run "admin migrate"')
}

async function newestMigration(db: NodePgDatabase): Promise<number> {
  try {
    const { rows } = await db.execute<{ newest: string | null }>(
      sql`select max(created_at) as newest from flagstaff.migrations`,
    )
    return Number(rows[0]?.newest ?? 0)
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    if (cause instanceof Error && 'code' in cause && cause.code === UNDEFINED_TABLE) return 0
    throw error
  }
}

/**
 * Sets a new incarnation after a restore from backup: replicas and Redis then accept its revisions, even ones lower than they have seen.
 * Returns the new incarnation.
 */
export async function renewIncarnation(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ incarnation: string }>(
    'update flagstaff.deployment set incarnation = gen_random_uuid() returning incarnation',
  )
  const [row] = rows
  if (!row) throw new Error('Cannot renew the incarnation: table deployment is empty')
  return row.incarnation
}
