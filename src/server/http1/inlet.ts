import { HEADER_BYTES_MAX } from '../limits.ts'
import { endOfHead, type Head, parseHead } from './head.ts'
import type { Socket } from './socket.ts'

const CR = 0x0d
const LF = 0x0a

/** What has come on a connection and is not read yet. */
export class Inlet {
  readonly #socket: Socket
  #bytes: Buffer | undefined
  /** How many of them are known to hold no whole head. */
  #searched = 0
  #isPaused = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Undefined where everything was read. */
  get bytes(): Buffer | undefined {
    return this.#bytes
  }

  add(bytes: Buffer): void {
    this.#bytes = this.#bytes ? Buffer.concat([this.#bytes, bytes]) : bytes
  }

  /** Notes that this many were read. */
  drop(count: number): void {
    const { byteLength = 0 } = this.#bytes ?? {}
    this.#bytes = count < byteLength ? this.#bytes?.subarray(count) : undefined
  }

  clear(): void {
    this.#bytes = undefined
  }

  /** The head of the next request; undefined: more of it has to come. Throws `Malformed`. */
  head(): Head | undefined {
    while (this.#bytes?.[0] === CR && this.#bytes[1] === LF) this.drop(2) // RFC 9112 §2.2
    if (!this.#bytes) return undefined
    const text = this.#bytes.toString('latin1', 0, HEADER_BYTES_MAX + 4)
    const size = endOfHead(text, this.#searched)
    this.#searched = size < 0 ? text.length : 0
    return size < 0 ? undefined : parseHead(text.slice(0, size))
  }

  /** Lets the client wait: what it sends stays with the kernel. */
  pause(): void {
    if (!this.#isPaused) this.#socket.pause()
    this.#isPaused = true
  }

  resume(): void {
    if (this.#isPaused) this.#socket.resume()
    this.#isPaused = false
  }
}
