import { timeLimit } from '../calls.ts'
import type { RedisAddress, RedisClient, RedisServer, SendCommand } from './address.ts'

export type RedisConnection = {
  readonly send: SendCommand
  /** Drops the connection, for example after a suspension, when the server may have closed it. */
  reset(): void
  close(): Promise<void>
}

/** Time limit of each command; the caller then continues without Redis. */
const COMMAND_MS = 800

/** Opens Redis; connects at the first command. `traceparent` returns that of the active span; Upstash receives it as a header. */
export function openRedis(
  address: RedisAddress,
  traceparent: () => string | undefined = () => undefined,
): RedisConnection {
  if ('host' in address) {
    const { send, reset } = connectOnDemand(address, COMMAND_MS)
    return { send, reset, close: async () => reset() }
  }
  let opened: Promise<SendCommand> | undefined
  const open = async () => (await import('./upstash.ts')).openUpstash(address, COMMAND_MS, traceparent)
  const send: SendCommand = async (command) => {
    opened ??= open()
    return (await opened)(command)
  }
  return { send, reset: () => undefined, close: async () => undefined }
}

const CONNECT_MS = 500
const WAITING_MAX = 10_000
/** The delay after a failed connect doubles up to the maximum; it is random, so that replicas do not reconnect at once. */
const BACKOFF_MIN_MS = 50
const BACKOFF_MAX_MS = 2_000

/**
 * Sends commands to Redis or Valkey; each fails after `commandMs`. Connects only when a command needs it: automatic reconnects would keep
 * an idle instance awake.
 */
export function connectOnDemand(server: RedisServer, commandMs: number): { send: SendCommand; reset(): void } {
  const connection = new ReconnectingClient(server, commandMs)
  return { send: (command) => connection.send(command), reset: () => connection.drop() }
}

/** @redis/client would work on Node, but takes more load time and memory than the rest of the start: docs/decisions/0013-start.md. */
async function open(server: RedisServer, onEnd: () => void): Promise<RedisClient> {
  return 'Bun' in globalThis
    ? openBunClient(server, onEnd)
    : (await import('./node-client.ts')).openNodeClient(server, onEnd)
}

class ReconnectingClient {
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
      const onLate = () => this.#drop(current) // a late reply would be matched with the next command
      return await within(this.#commandMs, client.send(command), { what: 'No reply from Redis', onLate })
    } finally {
      this.#waiting -= 1
    }
  }

  /** Closes the connection. Pending commands fail; the next command reconnects. */
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

/** The part of Bun's client that we use (https://bun.com/docs/runtime/redis). It loads in 1 ms; @redis/client takes 25 ms. */
type BunClient = { send(command: string, words: readonly string[]): Promise<unknown>; close(): void; onclose: unknown }
type BunGlobal = {
  readonly Bun: { readonly RedisClient: new (url: string, options: { readonly autoReconnect: boolean }) => BunClient }
}

/** One connection by Bun's own client, which checks certificates against the host of its URL. `onEnd` is called when it ends. */
function openBunClient(server: RedisServer, onEnd: () => void): RedisClient {
  const { Bun } = globalThis as unknown as BunGlobal
  const client = new Bun.RedisClient(urlOf(server), { autoReconnect: false })
  client.onclose = onEnd
  const ping = client.send('PING', []) // a queued command fails with the reason; connect() itself gives none
  return {
    ready: ping.then(() => undefined, unlessRefused),
    send: ([command = '', ...words]) => client.send(command, words),
    destroy: () => client.close(),
  }
}

/** A user without permission for PING is still connected. */
function unlessRefused(error: unknown): void {
  if (!(error instanceof Error && error.message.startsWith('NOPERM'))) throw error
}

function urlOf({ host, port, tls, user, password, database }: RedisServer): string {
  const place = host.includes(':') ? `[${host}]` : host
  const credentials = [user ?? '', password ?? ''].map(encodeURIComponent).join(':')
  return `${tls ? 'rediss' : 'redis'}://${credentials === ':' ? '' : `${credentials}@`}${place}:${port}/${database}`
}
