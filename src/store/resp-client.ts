import { Decoder } from '@redis/client/dist/lib/RESP/decoder.js'
import { timeLimit } from './time-limit.ts'
import { type Ears, ended, type Wire } from './wire.ts'
import { wireOnBun } from './wire-bun.ts'
import { wireOnNode } from './wire-node.ts'

/** A command that waits for its reply; they come in the order of the commands. */
type Waiting = Pick<PromiseWithResolvers<unknown>, 'resolve' | 'reject'>
type Options = {
  readonly connectMs: number
  /** Called once, when the connection is gone or could not be had. */
  readonly onEnd: () => void
}

const DEFAULT_PORT = 6379
const WAITING_MAX = 10_000

/**
 * One connection to Redis or Valkey, in RESP 2: a socket and the decoder of @redis/client, whose client itself takes longer to load, with
 * its hundreds of commands, than the rest of the service takes to start. It does not come back when it ends.
 */
export class RespClient {
  /** Resolves when commands may be sent; rejects when there is no connection in time, or the password is wrong. */
  readonly ready: Promise<void>
  readonly #ready = Promise.withResolvers<void>()
  readonly #wire: Wire
  readonly #waiting: Waiting[] = []
  readonly #onEnd: () => void
  readonly #connected: () => void
  #hasEnded = false

  constructor(url: string, { connectMs, onEnd }: Options) {
    this.ready = this.#ready.promise
    this.#onEnd = onEnd
    this.#connected = timeLimit(connectMs, () => this.#end(new Error(`No connection in ${connectMs} ms`)))
    const decoder = new Decoder({
      onReply: (reply) => this.#waiting.shift()?.resolve(reply),
      onErrorReply: (error) => this.#waiting.shift()?.reject(error),
      onPush: () => undefined, // there are none in RESP 2
      getTypeMapping: () => ({}),
    })
    this.#wire = wireTo(url, {
      onOpen: () => this.#greet(url),
      onBytes: (bytes) => {
        try {
          decoder.write(bytes)
        } catch (cause) {
          this.#end(new Error('Cannot read what Redis says', { cause }))
        }
      },
      onEnd: (error) => this.#end(error),
    })
  }

  /** Sends a command; rejects with an `ErrorReply` when Redis refuses it, with another error when the connection ends before. */
  send(command: readonly string[]): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    if (this.#hasEnded) reject(ended())
    else if (this.#waiting.length >= WAITING_MAX) reject(new Error(`${WAITING_MAX} commands wait for Redis already`))
    else {
      this.#waiting.push({ resolve, reject })
      this.#wire.write(encode(command))
    }
    return promise
  }

  destroy(): void {
    this.#end(ended())
  }

  #greet(url: string): void {
    const greeted = Promise.all(greetings(url).map((command) => this.send(command)))
    greeted.then(this.#connected).then(this.#ready.resolve, (error: unknown) => this.#end(error))
  }

  #end(error: unknown): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#connected()
    this.#wire.close()
    this.#ready.reject(error)
    for (const { reject } of this.#waiting.splice(0)) reject(error)
    this.#onEnd()
  }
}

/** Bun has sockets of its own; for TLS both use Node's, whose checks of certificates are known to be made. */
function wireTo(url: string, ears: Ears): Wire {
  const { protocol, hostname, port } = new URL(url)
  const place = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || DEFAULT_PORT) }
  return 'Bun' in globalThis && protocol === 'redis:' ? wireOnBun(place, ears) : wireOnNode(url, place, ears)
}

/** What is said first: who we are, and which of the databases is meant, as the URL has it. */
function greetings(url: string): string[][] {
  const { username, password, pathname } = new URL(url)
  const credentials = [username, password].filter(Boolean).map(decodeURIComponent)
  const database = pathname.slice(1)
  return [
    ...(credentials.length > 0 ? [['AUTH', ...credentials]] : []),
    ...(database === '' ? [] : [['SELECT', database]]),
  ]
}

const encode = (command: readonly string[]): string =>
  `*${command.length}\r\n${command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`
