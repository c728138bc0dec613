import type { Requester } from '@upstash/redis'
import { isRefusal, RespClient } from './resp-client.ts'
import { timeLimit } from './time-limit.ts'

type Reply = { result?: unknown; error?: string }

const CONNECT_MS = 500
/** After a failed connect nobody tries again for a moment, then for longer; the wait is random, so that replicas do not come back in step. */
const BACKOFF_MIN_MS = 50
const BACKOFF_MAX_MS = 2_000

/**
 * Lets @upstash/redis speak to a plain Redis or Valkey. It connects when a command needs it and only then: a client that reconnects by
 * itself would keep an idle instance awake. RESP 2, because Upstash's client expects its shapes.
 */
export function openResp(url: string, commandMs: number): { requester: Requester; reset(): void } {
  const connection = new Connection(url, commandMs)
  const run = async (command: unknown): Promise<Reply> => {
    const client = await connection.client()
    try {
      return { result: await connection.bounded(client.send(argumentsOf(command))) }
    } catch (error) {
      if (isRefusal(error)) return { error: error.message }
      throw error
    }
  }
  const transaction = async (commands: readonly unknown[]): Promise<Reply[]> => {
    // Written in one go, so that nothing of another caller comes between on the shared connection.
    const replies = await Promise.all([['MULTI'], ...commands, ['EXEC']].map(run))
    const { result, error } = replies.at(-1) ?? {}
    return Array.isArray(result)
      ? result.map((one: unknown) => ({ result: one }))
      : commands.map(() => ({ error: error ?? 'EXECABORT' }))
  }
  const request = ({ path, body }: { path?: string[]; body?: unknown }): Promise<unknown> => {
    const commands = Array.isArray(body) ? body : []
    if (path?.[0] === 'pipeline') return Promise.all(commands.map(run))
    if (path?.[0] === 'multi-exec') return transaction(commands)
    return run(body)
  }
  return { requester: { request: request as Requester['request'] }, reset: () => connection.drop() }
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

function argumentsOf(command: unknown): string[] {
  if (!Array.isArray(command)) throw new Error('Cannot run a Redis command that is not a list')
  return command.map((argument: unknown) =>
    typeof argument === 'string'
      ? argument
      : typeof argument === 'object'
        ? JSON.stringify(argument)
        : String(argument),
  )
}
