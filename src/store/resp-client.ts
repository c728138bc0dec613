import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, TLSSocket } from 'node:tls'
import { ErrorReply } from '@redis/client/dist/lib/errors.js'
import { Decoder } from '@redis/client/dist/lib/RESP/decoder.js'
import { tlsOf } from './redis-tls.ts'
import { timeLimit } from './time-limit.ts'

/** A command that waits for its reply; they come in the order of the commands. */
type Waiting = Pick<PromiseWithResolvers<unknown>, 'resolve' | 'reject'>
type Options = {
  readonly connectMs: number
  /** Called once, when the connection is gone or could not be had. */
  readonly onEnd: () => void
}

const DEFAULT_PORT = 6379
const KEEP_ALIVE_MS = 5_000
const WAITING_MAX = 10_000

/**
 * One connection to Redis or Valkey, in RESP 2: a socket and the decoder of @redis/client, whose client itself takes longer to load, with
 * its hundreds of commands, than the rest of the service takes to start. It does not come back when it ends.
 */
export class RespClient {
  /** Resolves when commands may be sent; rejects when there is no connection in time, or the password is wrong. */
  readonly ready: Promise<void>
  readonly #socket: Socket
  readonly #waiting: Waiting[] = []
  #hasEnded = false

  constructor(url: string, { connectMs, onEnd }: Options) {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#socket = socketTo(url)
    const connected = timeLimit(connectMs, () => this.#socket.destroy(new Error(`No connection in ${connectMs} ms`)))
    const end = (error: unknown) => {
      if (this.#hasEnded) return
      this.#hasEnded = true
      connected()
      reject(error)
      for (const { reject: fail } of this.#waiting.splice(0)) fail(error)
      onEnd()
    }
    this.#socket.on('error', end).on('close', () => end(new Error('The connection to Redis ended')))
    const decoder = new Decoder({
      onReply: (reply) => this.#waiting.shift()?.resolve(reply),
      onErrorReply: (error) => this.#waiting.shift()?.reject(error),
      onPush: () => undefined, // there are none in RESP 2
      getTypeMapping: () => ({}),
    })
    this.#socket.on('data', (bytes) => {
      try {
        decoder.write(bytes)
      } catch (cause) {
        this.#socket.destroy(new Error('Cannot read what Redis says', { cause }))
      }
    })
    this.#socket.once(this.#socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
      const greeted = Promise.all(greetings(url).map((command) => this.send(command)))
      greeted.then(connected).then(resolve, (error: Error) => this.#socket.destroy(error))
    })
    this.ready = promise
  }

  /** Sends a command; rejects with an `ErrorReply` when Redis refuses it, with another error when the connection ends before. */
  send(command: readonly string[]): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    if (this.#hasEnded) reject(new Error('The connection to Redis ended'))
    else if (this.#waiting.length >= WAITING_MAX) reject(new Error(`${WAITING_MAX} commands wait for Redis already`))
    else {
      this.#waiting.push({ resolve, reject })
      this.#socket.write(encode(command))
    }
    return promise
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** True for a refusal of one command, after which the connection is as good as before. */
export const isRefusal = (error: unknown): error is Error => error instanceof ErrorReply

function socketTo(url: string): Socket {
  const { protocol, hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const at = {
    host,
    port: Number(port || DEFAULT_PORT),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  }
  return protocol === 'rediss:' ? connectTls({ ...at, ...tlsOf(url) }) : connectTcp(at)
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
