import type { Send } from './command.ts'
import { RespClient } from './resp-client.ts'
import { timeLimit } from './time-limit.ts'

const CONNECT_MS = 500
/** After a failed connect nobody tries again for a moment, then for longer; the wait is random, so that replicas do not come back in step. */
const BACKOFF_MIN_MS = 50
const BACKOFF_MAX_MS = 2_000

/**
 * Sends commands to a plain Redis or Valkey, each answered within `commandMs`. It connects when a command needs it and only then: a client
 * that reconnects by itself would keep an idle instance awake.
 */
export function openResp(url: string, commandMs: number): { send: Send; reset(): void } {
  const connection = new Connection(url, commandMs)
  const send: Send = async (command) => {
    const client = await connection.client()
    return connection.bounded(client.send(command))
  }
  return { send, reset: () => connection.drop() }
}

/** One connection, made on demand. */
class Connection {
  readonly #url: string
  readonly #commandMs: number
  #client: Promise<RespClient> | undefined
  /** The same before it is connected. */
  #current: RespClient | undefined
  #failures = 0
  #notBefore = 0

  constructor(url: string, commandMs: number) {
    this.#url = url
    this.#commandMs = commandMs
  }

  client(): Promise<RespClient> {
    if (this.#client) return this.#client
    if (performance.now() < this.#notBefore) return Promise.reject(new Error('Redis could not be reached a moment ago'))
    const client = new RespClient(this.#url, { connectMs: CONNECT_MS, onEnd: () => this.#drop(client) })
    this.#client = client.ready.then(
      () => {
        this.#failures = 0
        return client
      },
      (cause: unknown) => {
        this.#drop(client)
        const wait = Math.min(BACKOFF_MIN_MS * 2 ** this.#failures, BACKOFF_MAX_MS)
        this.#failures += 1
        this.#notBefore = performance.now() + wait * (0.5 + Math.random() / 2)
        throw new Error('Cannot reach Redis', { cause })
      },
    )
    this.#current = client
    return this.#client
  }

  /** Fails when no reply comes in time, and gives the connection up: what would come on it later is for nobody. */
  async bounded<T>(reply: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>()
    const client = this.#current
    const answered = timeLimit(this.#commandMs, () => {
      late.reject(new Error(`Redis did not reply in ${this.#commandMs} ms`))
      if (client) this.#drop(client)
    })
    try {
      return await Promise.race([reply, late.promise])
    } finally {
      answered()
    }
  }

  /** The next command connects anew; what is under way fails. */
  drop(): void {
    if (this.#current) this.#drop(this.#current)
  }

  #drop(client: RespClient): void {
    if (client !== this.#current) return
    this.#client = undefined
    this.#current = undefined
    client.destroy()
  }
}
