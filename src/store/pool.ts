import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { FlagError } from '../flag/error.ts'
import { timeLimit } from './time-limit.ts'

/** Where the database is, in postgres.js's terms: a URL, or a unix socket's folder. */
export type DatabaseAddress =
  | { readonly url: string }
  | { readonly host: string; readonly user: string; readonly database: string }
export type Db = PostgresJsDatabase
/** Work at one moment. Each piece takes one connection, of which postgres.js itself tells nothing. */
export type Load = { readonly connectionsMax: number; readonly working: number; readonly waiting: number }

/** A slow database is a down database. */
const STATEMENT_TIMEOUT_MS = 1_000
/** The server's own time limit does not help when the server, or the network before it, stands still: then ours does. */
const SILENCE_MS = 1_500
const CONNECT_SECONDS = 2
/** Tells a transaction whose client vanished in the middle to let go of its locks. */
const IDLE_IN_TRANSACTION_MS = 5_000
const CLOSE_SECONDS = 3

/** A postgres.js client with our limits. Types are not fetched: none of ours needs it, and it costs a round trip. */
export function connect(address: DatabaseAddress, connectionsMax: number, statementTimeoutMs: number): postgres.Sql {
  const options = {
    max: connectionsMax,
    idle_timeout: 20,
    max_lifetime: 30 * 60,
    connect_timeout: CONNECT_SECONDS,
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

/**
 * Connections that are replaced, all of them, when the database falls silent: one whose other end is gone without a word would
 * otherwise keep its queries until TCP gives up, which takes a quarter of an hour.
 */
export class Pool {
  readonly #address: DatabaseAddress
  readonly #connectionsMax: number
  #client: postgres.Sql
  #db: Db
  #underWay = 0

  constructor(address: DatabaseAddress, connectionsMax: number) {
    this.#address = address
    this.#connectionsMax = connectionsMax
    this.#client = connect(address, connectionsMax, STATEMENT_TIMEOUT_MS)
    this.#db = drizzle(this.#client, { casing: 'snake_case' })
  }

  get load(): Load {
    const working = Math.min(this.#underWay, this.#connectionsMax)
    return { connectionsMax: this.#connectionsMax, working, waiting: this.#underWay - working }
  }

  /** Runs work of one statement, which fails as `unavailable` when no answer comes in time. */
  async ask<T>(work: (db: Db) => Promise<T>): Promise<T> {
    const client = this.#client
    const silent = this.#silence(client)
    this.#underWay += 1
    try {
      return await Promise.race([work(this.#db), silent.promise])
    } finally {
      silent.cancel()
      this.#underWay -= 1
    }
  }

  /**
   * Runs work of many statements, for as long as the database answers others meanwhile: what is long is not yet silent. When it fails so,
   * whether the work was done is unknown.
   */
  async transact<T>(work: (db: Db) => Promise<T>): Promise<T> {
    const client = this.#client
    const over = Promise.withResolvers<never>()
    const watch = setInterval(() => {
      this.ask(() => client`select 1`.then(() => undefined)).catch((error) => over.reject(error))
    }, SILENCE_MS)
    this.#underWay += 1
    try {
      return await Promise.race([work(this.#db), over.promise])
    } finally {
      clearInterval(watch)
      this.#underWay -= 1
    }
  }

  /** Drops every connection, as after a freeze, when the other ends may be gone. Work under way fails. */
  reset(): void {
    this.#replace(this.#client)
  }

  close(): Promise<void> {
    return this.#client.end({ timeout: CLOSE_SECONDS })
  }

  #silence(client: postgres.Sql): { promise: Promise<never>; cancel: () => void } {
    const { promise, reject } = Promise.withResolvers<never>()
    promise.catch(() => undefined)
    const cancel = timeLimit(SILENCE_MS, () => {
      const cause = Object.assign(new Error(`No answer in ${SILENCE_MS} ms`), { code: 'CONNECTION_SILENT' })
      reject(new FlagError('unavailable', 'The database cannot be used right now', { cause }))
      this.#replace(client)
    })
    return { promise, cancel }
  }

  #replace(client: postgres.Sql): void {
    if (client !== this.#client) return
    this.#client = connect(this.#address, this.#connectionsMax, STATEMENT_TIMEOUT_MS)
    this.#db = drizzle(this.#client, { casing: 'snake_case' })
    client.end({ timeout: 0 }).catch(() => undefined)
  }
}
