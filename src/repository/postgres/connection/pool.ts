import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { FlagError } from '../../../flag/error.ts'
import { timeLimit } from '../../calls.ts'
import type { DatabaseAddress } from './address.ts'
import {
  connectionLost,
  endsConnections,
  isReadOnlyError,
  isServerReadOnly,
  toFlagError,
  tryRollback,
  unavailable,
} from './driver.ts'
import { FailoverPool } from './failover-pool.ts'

export type Db = NodePgDatabase
/** Load of a pool: transactions that run, on one connection each, and those that wait. */
export type PoolLoad = { readonly connectionsMax: number; readonly working: number; readonly waiting: number }

/** Time limit of a read, in ms. A database that is slower counts as unreachable. */
const STATEMENT_TIMEOUT_MS = 1_000
/** Time limit of a write, in ms. Longer, because concurrent writes wait for the lock of their environment. */
const WRITE_STATEMENT_TIMEOUT_MS = 2_500
/** Extra time for a server or network that does not respond at all, where the server's own limits have no effect. */
const SILENCE_MS = 1_500
/** Releases the locks of a transaction whose client has disconnected. */
const IDLE_IN_TRANSACTION_MS = 5_000
const CLOSE_MS = 3_000
/** Limits apply to one transaction (SET LOCAL): behind a pooler, a session's settings would affect other clients. */
const beginning = (begin: string, statementMs: number) =>
  `${begin}; set local statement_timeout = ${statementMs}; set local idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS}`
const BEGIN_READ = beginning('begin read only', STATEMENT_TIMEOUT_MS)
const BEGIN_WRITE = beginning('begin', WRITE_STATEMENT_TIMEOUT_MS)

/**
 * A pool that replaces all connections when the database stops responding or changes its role. Otherwise queries would wait on a dead
 * connection until TCP times out, after 15 minutes.
 */
export class Pool {
  readonly #address: DatabaseAddress
  readonly #slots: Semaphore
  #routes: FailoverPool
  #ping: Promise<unknown> | undefined
  #isReadOnly = false

  constructor(address: DatabaseAddress, connectionsMax: number) {
    this.#address = address
    this.#slots = new Semaphore(connectionsMax)
    this.#routes = new FailoverPool(address, connectionsMax + 1)
  }

  get load(): PoolLoad {
    return this.#slots.load
  }

  /** True from the first write that the server refused as read-only until it accepts writes again. */
  get isReadOnly(): boolean {
    return this.#isReadOnly
  }

  /** Runs a read-only transaction. Fails as `unavailable` if the response does not arrive in time. */
  read<T>(work: (db: Db) => Promise<T>): Promise<T> {
    return this.#inSlot(() =>
      this.#unlessSilent(async () => {
        const session = await this.#begin(BEGIN_READ)
        return this.#finish(session, async (client) => {
          const result = await work(drizzle(client, { casing: 'snake_case' }))
          if (this.#isReadOnly) this.#isReadOnly = await isServerReadOnly(client)
          await client.query('commit')
          return result
        })
      }),
    )
  }

  /**
   * Runs `work` in one transaction, as long as the database answers pings on another connection. Resolves only after a confirmed commit. If
   * the connection is lost, the outcome is unknown.
   */
  write<T>(work: (db: Db) => Promise<T>): Promise<T> {
    return this.#inSlot(async () => {
      const over = Promise.withResolvers<never>()
      over.promise.catch(() => undefined)
      const watch = setInterval(() => this.#pinged().catch((error) => over.reject(error)), SILENCE_MS)
      try {
        return await Promise.race([this.#committed(work), over.promise])
      } finally {
        clearInterval(watch)
      }
    })
  }

  /** Drops all connections, for example after a suspension, when the server may have closed them. Pending work fails. */
  reset(): void {
    this.#replace(this.#routes)?.drop()
  }

  async close(): Promise<void> {
    const late = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_MS).unref())
    await Promise.race([this.#routes.close(), late])
  }

  async #inSlot<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#slots.use(work)
    } catch (error) {
      throw toFlagError(error)
    }
  }

  async #committed<T>(work: (db: Db) => Promise<T>): Promise<T> {
    const session = await this.#begin(BEGIN_WRITE)
    return this.#finish(session, async (client) => {
      const result = await work(drizzle(client, { casing: 'snake_case' }))
      const { command } = await client.query('commit')
      if (command !== 'COMMIT') throw unavailable(`COMMIT was answered with ${command}`, 'NOT_COMMITTED')
      this.#isReadOnly = false
      return result
    })
  }

  /** Returns a connection in a new transaction. A connection that broke while idle is replaced, because nothing ran on it yet. */
  async #begin(statement: string): Promise<PoolSession> {
    for (let attempt = 1; ; attempt++) {
      const session = await this.#session()
      try {
        await session.client.query(statement)
        return session
      } catch (error) {
        session.release(true)
        if (error instanceof pg.DatabaseError) throw error
        if (attempt === 2) throw connectionLost(error)
      }
    }
  }

  async #session(): Promise<PoolSession> {
    const routes = this.#routes
    const client = await routes.connect().catch((cause) => {
      throw unavailable('Cannot connect', 'CONNECT_FAILED', cause)
    })
    let failure: Error | undefined
    const onError = (error: Error) => {
      failure ??= error
    }
    client.on('error', onError)
    const release = (isBroken: boolean) => {
      client.off('error', onError)
      client.release(isBroken || failure !== undefined || this.#isReadOnly)
    }
    return { client, release, isLost: () => failure !== undefined || routes.isDropped, routes }
  }

  /** Runs work on a session, then releases it for reuse, or closes it if its state is unknown. */
  async #finish<T>(session: PoolSession, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    try {
      const result = await work(session.client)
      session.release(false)
      return result
    } catch (error) {
      const isClean = !session.isLost() && !endsConnections(error) && (await tryRollback(session.client))
      if (isReadOnlyError(error)) this.#isReadOnly = true
      session.release(!isClean)
      if (endsConnections(error))
        this.#replace(session.routes)
          ?.close()
          .catch(() => undefined)
      throw session.isLost() && !(error instanceof FlagError) ? connectionLost(error) : error
    }
  }

  async #unlessSilent<T>(work: () => Promise<T>): Promise<T> {
    const routes = this.#routes
    const { promise, reject } = Promise.withResolvers<never>()
    promise.catch(() => undefined)
    const cancel = timeLimit(SILENCE_MS, () => {
      const error = unavailable(`No answer in ${SILENCE_MS} ms`, 'CONNECTION_SILENT')
      reject(error)
      this.#slots.rejectWaiting(error)
      this.#replace(routes)?.drop()
    })
    try {
      return await Promise.race([work(), promise])
    } finally {
      cancel()
    }
  }

  /** Sends one ping at a time, on a connection that is not one of the slots. */
  #pinged(): Promise<unknown> {
    const ping = async () => this.#finish(await this.#session(), (client) => client.query('select 1'))
    this.#ping ??= this.#unlessSilent(ping).finally(() => {
      this.#ping = undefined
    })
    return this.#ping
  }

  /** Replaces the pool `routes` and returns it for closing; undefined if it was replaced already. */
  #replace(routes: FailoverPool): FailoverPool | undefined {
    if (routes !== this.#routes) return undefined
    this.#routes = new FailoverPool(this.#address, this.#slots.max + 1)
    return routes
  }
}

/** A connection in use. */
type PoolSession = {
  readonly client: pg.PoolClient
  /** Releases the connection; `isBroken` closes it. */
  readonly release: (isBroken: boolean) => void
  /** Whether the connection itself failed. */
  readonly isLost: () => boolean
  readonly routes: FailoverPool
}

/** Runs at most `max` tasks at once; the others wait in order. */
class Semaphore {
  readonly max: number
  readonly #waiting: { start(): void; reject(error: unknown): void }[] = []
  #used = 0

  constructor(max: number) {
    this.max = max
  }

  get load(): PoolLoad {
    return { connectionsMax: this.max, working: this.#used, waiting: this.#waiting.length }
  }

  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#used < this.max) this.#used += 1
    else await new Promise<void>((start, reject) => this.#waiting.push({ start, reject }))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next.start()
      else this.#used -= 1
    }
  }

  /** Rejects all waiting tasks. */
  rejectWaiting(error: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }
}
