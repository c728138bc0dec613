import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { FlagError } from '../flag/error.ts'
import { refusal } from './refusal.ts'
import { checkSchema } from './schema.ts'

export type Db = PostgresJsDatabase
export type Transaction = Parameters<Parameters<Db['transaction']>[0]>[0]

/** Reads and writes with the failures translated; the only way the rest of the code reaches Postgres. */
export type Database = {
  /** Runs a read; asks once more when the connection was lost under it, which a read survives unharmed. */
  read<T>(query: (db: Db) => Promise<T>): Promise<T>
  /** Runs `work` in one transaction: all of it happens or nothing. Never repeated, because a lost answer may be a commit. */
  write<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** Where the database is, in postgres.js's terms: a URL, or a unix socket's folder. */
export type DatabaseAddress =
  | { readonly url: string }
  | { readonly host: string; readonly user: string; readonly database: string }

const CONNECTIONS_MAX = 5
/** A slow database is a down database. */
const STATEMENT_TIMEOUT_MS = 1_000
/** Tells a transaction whose client vanished in the middle to let go of its locks. */
const IDLE_IN_TRANSACTION_MS = 5_000
const CLOSE_SECONDS = 3

/** Opens the pool; connects on first use, so that start-up never waits for Postgres. */
export function openDatabase(address: DatabaseAddress): Database {
  const client = connect(address, CONNECTIONS_MAX, STATEMENT_TIMEOUT_MS)
  const db = drizzle(client, { casing: 'snake_case' })
  let checked: Promise<void> | undefined

  const schemaIsCurrent = () => {
    checked ??= checkSchema(db).catch((error) => {
      checked = undefined
      throw error
    })
    return checked
  }
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      await schemaIsCurrent()
      return await work()
    } catch (error) {
      throw refusal(error)
    }
  }

  return {
    read: async (query) => {
      try {
        return await guarded(() => query(db))
      } catch (error) {
        if (!(error instanceof FlagError) || error.code !== 'unavailable' || !wasCut(error.cause)) throw error
        return guarded(() => query(db))
      }
    },
    write: (work) => guarded(() => db.transaction(work)),
    close: () => client.end({ timeout: CLOSE_SECONDS }),
  }
}

/** A postgres.js client with our limits. Types are not fetched: none of ours needs it, and it costs a round trip. */
export function connect(address: DatabaseAddress, connectionsMax: number, statementTimeoutMs: number): postgres.Sql {
  const options = {
    max: connectionsMax,
    idle_timeout: 20,
    max_lifetime: 30 * 60,
    connect_timeout: 5,
    fetch_types: false,
    onnotice: () => undefined,
    connection: {
      application_name: 'flagstaff',
      statement_timeout: statementTimeoutMs,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    },
  }
  return 'url' in address ? postgres(address.url, options) : postgres({ ...options, ...address })
}

/** True when the server ended a connection that had worked before: the next one may well succeed. */
function wasCut(cause: unknown): boolean {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  return ['CONNECTION_CLOSED', 'CONNECTION_ENDED', 'CONNECTION_DESTROYED', 'ECONNRESET', 'EPIPE', '57P01'].includes(
    code,
  )
}
