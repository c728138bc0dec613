import { timeLimit } from '../time-limit.ts'
import { openOnBun } from './bun-client.ts'
import type { RedisClient, RedisServer, Send } from './redis-client.ts'

const CONNECT_MS = 500
const WAITING_MAX = 10_000
/** The wait after a failed connect doubles up to the largest; it is random, so that replicas do not reconnect in step. */
const BACKOFF_MIN_MS = 50
const BACKOFF_MAX_MS = 2_000

/**
 * Sends commands to Redis or Valkey; each fails after `commandMs`. Connects when a command needs it and only then: a client that reconnects
 * by itself would keep an idle instance awake.
 */
export function connectOnDemand(server: RedisServer, commandMs: number): { send: Send; reset(): void } {
  const connection = new Connection(server, commandMs)
  return { send: (command) => connection.send(command), reset: () => connection.drop() }
}

/** @redis/client would do for Node, but takes longer to load, and more memory, than all else of a start: docs/decisions/0013-start.md. */
async function open(server: RedisServer, onEnd: () => void): Promise<RedisClient> {
  return 'Bun' in globalThis ? openOnBun(server, onEnd) : (await import('./node-client.ts')).openOnNode(server, onEnd)
}

class Connection {
  readonly #server: RedisServer
  readonly #commandMs: number
  #current: Promise<RedisClient> | undefined
  #failures = 0
  #notBefore = 0
  #waiting = 0

  constructor(server: RedisServer, commandMs: number) {
    this.#server = server
    this.#commandMs = commandMs
  }

  async send(command: readonly string[]): Promise<unknown> {
    if (this.#waiting >= WAITING_MAX) throw new Error(`${WAITING_MAX} commands wait for Redis already`)
    this.#waiting += 1
    try {
      const current = this.#connected()
      const client = await current
      const onLate = () => this.#drop(current) // a reply that came later would be taken for that of another command
      return await within(this.#commandMs, client.send(command), { what: 'No reply from Redis', onLate })
    } finally {
      this.#waiting -= 1
    }
  }

  /** The next command connects anew; what is under way fails. */
  drop(): void {
    if (this.#current) this.#drop(this.#current)
  }

  #connected(): Promise<RedisClient> {
    if (this.#current) return this.#current
    if (performance.now() < this.#notBefore) return Promise.reject(new Error('Redis could not be reached a moment ago'))
    const current = this.#connect(() => this.#drop(current))
    this.#current = current
    return current
  }

  async #connect(drop: () => void): Promise<RedisClient> {
    try {
      const client = await open(this.#server, drop)
      await within(CONNECT_MS, client.ready, { what: 'No connection to Redis', onLate: client.destroy })
      this.#failures = 0
      return client
    } catch (cause) {
      drop()
      const wait = Math.min(BACKOFF_MIN_MS * 2 ** this.#failures, BACKOFF_MAX_MS)
      this.#failures += 1
      this.#notBefore = performance.now() + wait * (0.5 + Math.random() / 2)
      throw new Error('Cannot reach Redis', { cause })
    }
  }

  #drop(client: Promise<RedisClient>): void {
    if (client === this.#current) this.#current = undefined
    client.then(
      ({ destroy }) => destroy(),
      () => undefined,
    )
  }
}

type Limit = { readonly what: string; readonly onLate: () => void }

async function within<T>(ms: number, work: Promise<T>, { what, onLate }: Limit): Promise<T> {
  const late = Promise.withResolvers<never>()
  const done = timeLimit(ms, () => {
    late.reject(new Error(`${what} in ${ms} ms`))
    onLate()
  })
  try {
    return await Promise.race([work, late.promise])
  } finally {
    done()
  }
}
