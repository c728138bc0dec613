import pg from 'pg'
import type { DatabaseAddress } from './address.ts'
import {
  clientClassOf,
  clientConfigOf,
  type DatabaseClient,
  type DatabaseRoute,
  isSessionAcceptable,
} from './driver.ts'

/** Idle time after which a connection is closed, so that a serverless database can sleep. */
const IDLE_MS = 20_000
const LIFETIME_SECONDS = 30 * 60

/** The routes in the order in which libpq tries them: by host, and for `allow` and `prefer` with and without TLS. */
export function routesOf({ hosts, tls, loadBalanceHosts }: DatabaseAddress): readonly DatabaseRoute[] {
  const modes = { disable: [false], allow: [false, true], prefer: [true, false] } as const
  const order = tls.mode === 'disable' || tls.mode === 'allow' || tls.mode === 'prefer' ? modes[tls.mode] : [true]
  const shuffled =
    loadBalanceHosts === 'random'
      ? hosts.map((host) => ({ host, at: Math.random() })).sort((a, b) => a.at - b.at)
      : hosts.map((host) => ({ host }))
  return shuffled.flatMap(({ host }) => (host.host.startsWith('/') ? [false] : order).map((isTls) => ({ host, isTls })))
}

/** One driver pool for each route to the database. Connections come from the first route that works. `connectionsMax` bounds each pool. */
export class FailoverPool {
  readonly #address: DatabaseAddress
  readonly #routes: readonly { readonly route: DatabaseRoute; readonly pool: pg.Pool }[]
  /** Sessions whose attributes were already checked, or that are used because no better one is available. */
  readonly #accepted = new WeakSet<pg.ClientBase>()
  readonly #inUse = new Set<pg.PoolClient>()
  #working = 0
  #isDropped = false

  constructor(address: DatabaseAddress, connectionsMax: number) {
    this.#address = address
    this.#routes = routesOf(address).map((route) => {
      const pool = newPool(address, route, connectionsMax)
      pool.on('acquire', (client) => this.#inUse.add(client))
      pool.on('release', (_, client) => this.#inUse.delete(client))
      return { route, pool }
    })
  }

  /** Returns a connection with an acceptable session. Rejects with the last route's error, or with the last one that a server sent. */
  async connect(): Promise<pg.PoolClient> {
    const target = this.#address.targetSessionAttrs
    try {
      return await this.#first((client) => this.#check(client, target))
    } catch (error) {
      if (target !== 'prefer-standby') throw error
      return this.#first((client) => {
        this.#accepted.add(client)
        return Promise.resolve(true)
      })
    }
  }

  /** Whether `drop()` ended all connections, including those in use. */
  get isDropped(): boolean {
    return this.#isDropped
  }

  /** Ends every connection at once; pending queries fail. */
  drop(): void {
    this.#isDropped = true
    const clients = [...this.#inUse]
    this.close().catch(() => undefined)
    for (const client of clients) client.end().catch(() => undefined)
  }

  /** Closes idle connections at once, and the others when they are released. */
  async close(): Promise<void> {
    await Promise.all(this.#routes.map(({ pool }) => (pool.ending ? undefined : pool.end())))
  }

  /** Starts with the route that worked last, then tries the others in order. */
  async #first(accepts: (client: pg.PoolClient) => Promise<boolean>): Promise<pg.PoolClient> {
    let failure: unknown
    const refusals: unknown[] = []
    let before: DatabaseRoute | undefined
    const start = this.#working
    for (let step = 0; step < this.#routes.length; step++) {
      const at = (start + step) % this.#routes.length
      const one = this.#routes[at]
      if (!one || (before && !continuesAfter(failure, before, one.route))) continue
      let client: pg.PoolClient | undefined
      try {
        client = await one.pool.connect()
        this.#working = at
        if (await accepts(client)) return client
        failure = new Error(`The session is not ${this.#address.targetSessionAttrs}`)
      } catch (error) {
        failure = error
        refusals.push(error)
      }
      client?.release(true)
      before = one.route
    }
    this.#working = 0
    // The same host is tried with and without TLS: that it has none would hide why it refused the session.
    throw refusals.findLast((error) => error instanceof pg.DatabaseError) ?? failure
  }

  async #check(client: pg.PoolClient, target: DatabaseAddress['targetSessionAttrs']): Promise<boolean> {
    if (this.#accepted.has(client)) return true
    const isFine = await isSessionAcceptable(client, target)
    if (isFine) this.#accepted.add(client)
    return isFine
  }
}

function newPool(address: DatabaseAddress, route: DatabaseRoute, connectionsMax: number): pg.Pool {
  const pool = new pg.Pool({
    ...clientConfigOf(address, route),
    Client: clientClassOf(address),
    max: connectionsMax,
    idleTimeoutMillis: IDLE_MS,
    maxLifetimeSeconds: LIFETIME_SECONDS,
  })
  pool.on('error', () => undefined) // an idle connection ended: the pool has removed it
  return pool
}

/**
 * Whether `next` is tried after `before` failed, as in libpq: another host if this one was unreachable, is starting up or has the wrong
 * session attributes; the same host with or without TLS if it was reached and refused.
 */
export function continuesAfter(failure: unknown, before: DatabaseRoute, next: DatabaseRoute): boolean {
  const code = failure instanceof Error && 'code' in failure ? String(failure.code) : ''
  const wasReached = failure instanceof pg.DatabaseError || /SSL|TLS|certificate/i.test(String(failure))
  if (before.host === next.host) return wasReached && code !== '57P03'
  return !(failure instanceof pg.DatabaseError) || code === '57P03' || code.startsWith('53')
}

/** Opens one session outside of any pool, for one-off commands. Rejects with the last route's error. */
export function connect(address: DatabaseAddress): Promise<DatabaseClient> {
  return new FailoverPool(address, 1).connect()
}
