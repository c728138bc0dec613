import { type Length, Malformed } from './head.ts'

/** What stands before the bytes of a chunk, and a trailer. */
const LINE_MAX = 1_024
/** Extensions are read over. */
const SIZE = /^([\da-f]{1,8})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/i
const TRAILERS_MAX = 8_192

/** Takes a body out of what comes on a connection. */
export type Decoder = {
  /** True once the body is whole. */
  readonly isDone: boolean
  /** Gives the bytes of the body to `take`; returns how many of those that came it has read. Throws `Malformed`. */
  read(bytes: Buffer, take: (bytes: Buffer) => void): number
}

/** Throws `Malformed` for a body that says it is larger than `bytesMax`. */
export function decoderOf(length: Length, bytesMax: number): Decoder {
  if (length === 'chunked') return new Chunked(bytesMax)
  if (length > bytesMax) throw tooLarge()
  return new Sized(length)
}

const tooLarge = (): Malformed => new Malformed(413, 'The body is too large')

class Sized implements Decoder {
  #left: number

  constructor(length: number) {
    this.#left = length
  }

  get isDone(): boolean {
    return this.#left === 0
  }

  read(bytes: Buffer, take: (bytes: Buffer) => void): number {
    const count = Math.min(bytes.byteLength, this.#left)
    this.#left -= count
    if (count > 0) take(bytes.subarray(0, count))
    return count
  }
}

/** The coding of RFC 9112 §7.1. */
class Chunked implements Decoder {
  readonly #bytesMax: number
  #total = 0
  /** Of the chunk that is read. */
  #left = 0
  #state: 'size' | 'bytes' | 'end' | 'trailers' | 'done' = 'size'
  /** Of a line that is not whole. */
  #line = ''
  #trailers = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get isDone(): boolean {
    return this.#state === 'done'
  }

  read(bytes: Buffer, take: (bytes: Buffer) => void): number {
    let at = 0
    while (at < bytes.byteLength && this.#state !== 'done')
      at = this.#state === 'bytes' ? this.#readBytes(bytes, at, take) : this.#readLine(bytes, at)
    return at
  }

  #readBytes(bytes: Buffer, at: number, take: (bytes: Buffer) => void): number {
    const end = Math.min(bytes.byteLength, at + this.#left)
    take(bytes.subarray(at, end))
    this.#left -= end - at
    if (this.#left === 0) this.#state = 'end'
    return end
  }

  #readLine(bytes: Buffer, at: number): number {
    const newline = bytes.indexOf('\n', at)
    const end = newline < 0 ? bytes.byteLength : newline + 1
    this.#line += bytes.toString('latin1', at, end)
    if (this.#line.length > LINE_MAX) throw new Malformed(400, 'A line of a chunk is too long')
    if (newline >= 0) this.#endLine()
    return end
  }

  #endLine(): void {
    if (!this.#line.endsWith('\r\n')) throw new Malformed(400, 'Cannot read a chunk')
    const line = this.#line.slice(0, -2)
    this.#line = ''
    if (this.#state === 'size') this.#begin(line)
    else if (this.#state === 'end') {
      if (line !== '') throw new Malformed(400, 'A chunk is longer than it says')
      this.#state = 'size'
    } else {
      this.#trailers += line.length
      if (this.#trailers > TRAILERS_MAX) throw new Malformed(431, 'The trailers are too long')
      if (line === '') this.#state = 'done'
    }
  }

  #begin(line: string): void {
    const [, digits] = SIZE.exec(line) ?? []
    if (digits === undefined) throw new Malformed(400, 'Cannot read the size of a chunk')
    this.#left = Number.parseInt(digits, 16)
    this.#total += this.#left
    if (this.#total > this.#bytesMax) throw tooLarge()
    this.#state = this.#left === 0 ? 'trailers' : 'bytes'
  }
}
