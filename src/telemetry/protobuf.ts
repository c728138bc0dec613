/** Wire types (https://protobuf.dev/programming-guides/encoding/). */
const VARINT = 0
const FIXED64 = 1
const DELIMITED = 2
const FIXED32 = 5
/** The length of so many characters is one byte, whatever they are. */
const SHORT = 42
const START_BYTES = 16_384
/** Words that are kept encoded; of our making, so that there are not many. */
const WORDS_MAX = 500
/** Below this a loop is faster than calling the runtime to copy. */
const FEW_BYTES = 64
const WORD = 2 ** 32
const ASCII_MAX = 0x7f
const EPOCH_MS = 1_000
/** What a KeyValue takes beside its two texts, and the tags of fields 1 and 2. */
const PAIR_BYTES = 8
const FIRST_DELIMITED = 8 + DELIMITED
const SECOND_DELIMITED = 16 + DELIMITED
const encoder = new TextEncoder()
const doubles = new Float64Array(1)
const bytesOfDouble = new Uint8Array(doubles.buffer)

/** Memory, and how much of it holds something. */
export type Page = { bytes: Uint8Array<ArrayBuffer>; size: number }

/**
 * Writes one protobuf message after the other into the same memory, in one pass: a message leaves nothing behind for the collector
 * of garbage but its bytes. What is short is copied by loops, without calls of the runtime: an encoded span has thirty texts.
 */
export class ProtobufWriter {
  #memory = new Uint8Array(START_BYTES)
  #size = 0
  readonly #words = new Map<string, Uint8Array>()
  #epoch = epochAt(0)

  /** The message that `write` writes, in memory that is the next one's again. */
  message<T>(value: T, write: (to: this, value: T) => void): Uint8Array<ArrayBuffer> {
    this.#size = 0
    write(this, value)
    return this.#memory.subarray(0, this.#size)
  }

  /** Writes behind what a page holds, whose memory is larger afterwards where it was too small. */
  append<T>(page: Page, value: T, write: (to: this, value: T) => void): void {
    this.#memory = page.bytes
    this.#size = page.size
    write(this, value)
    page.bytes = this.#memory
    page.size = this.#size
  }

  /** A message within. Its length takes one byte most often, or as many as are expected; otherwise what was written moves. */
  within<T>(field: number, value: T, write: (to: this, value: T) => void, expected = 1): void {
    this.#tag(field, DELIMITED)
    const start = this.#reserve(expected) + expected
    write(this, value)
    const length = this.#size - start
    const more = bytesOf(length) - expected
    if (more !== 0) {
      this.#reserve(more)
      this.#memory.copyWithin(start + more, start, start + length)
    }
    this.#put(start - expected, length)
  }

  text(field: number, text: string): void {
    if (text.length > SHORT) {
      this.bytes(field, encoder.encode(text))
      return
    }
    this.#tag(field, DELIMITED)
    const start = this.#reserve(1 + text.length * 3) + 1
    const length = this.#letters(text, start)
    this.#memory[start - 1] = length
    this.#size = start + length
  }

  /** A text of our making, which comes again and again. */
  word(field: number, word: string): void {
    const known = this.#words.get(word)
    if (known === undefined && this.#words.size < WORDS_MAX && word.length < FEW_BYTES)
      this.#words.set(word, encoder.encode(word))
    if (known === undefined) this.text(field, word)
    else this.bytes(field, known)
  }

  /**
   * A KeyValue with a text, which is most of a span: three messages within one another, written in one go and without calls. False,
   * and nothing is written, where the key is no known word or the text not short or not ASCII.
   */
  pair(field: number, key: string, text: string): boolean {
    const word = this.#words.get(key)
    const { length } = text
    if (word === undefined || length > SHORT) return false
    const start = this.#reserve(word.length + length + PAIR_BYTES)
    const memory = this.#memory
    memory[start] = field * 8 + DELIMITED
    memory[start + 1] = word.length + length + PAIR_BYTES - 2
    memory[start + 2] = FIRST_DELIMITED
    memory[start + 3] = word.length
    const value = start + 4 + word.length
    for (let at = 0; at < word.length; at += 1) memory[start + 4 + at] = word[at] ?? 0
    memory[value] = SECOND_DELIMITED
    memory[value + 1] = length + 2
    memory[value + 2] = FIRST_DELIMITED
    memory[value + 3] = length
    for (let at = 0; at < length; at += 1) {
      const code = text.charCodeAt(at)
      memory[value + 4 + at] = code
      if (code <= ASCII_MAX) continue
      this.#size = start
      return false
    }
    return true
  }

  bytes(field: number, bytes: Uint8Array): void {
    this.#tag(field, DELIMITED)
    this.#varint(bytes.length)
    this.part(bytes)
  }

  /** Whole fields, written before. */
  part(bytes: Uint8Array): void {
    const { length } = bytes
    const start = this.#reserve(length)
    const memory = this.#memory
    if (length > FEW_BYTES) memory.set(bytes, start)
    else for (let at = 0; at < length; at += 1) memory[start + at] = bytes[at] ?? 0
  }

  /** Bytes given as hexadecimal digits, in lower case. */
  hex(field: number, digits: string): void {
    const length = digits.length / 2
    this.#tag(field, DELIMITED)
    this.#varint(length)
    const start = this.#reserve(length)
    for (let at = 0; at < length; at += 1)
      this.#memory[start + at] = digit(digits.charCodeAt(2 * at)) * 16 + digit(digits.charCodeAt(2 * at + 1))
  }

  /** An integer of at most 53 bits; a negative one takes ten bytes, as `int64` says. */
  integer(field: number, value: number): void {
    this.#tag(field, VARINT)
    if (value >= 0) this.#varint(value)
    else this.#negative(BigInt.asUintN(64, BigInt(value)))
  }

  fixed32(field: number, value: number): void {
    this.#tag(field, FIXED32)
    this.#word(value)
  }

  double(field: number, value: number): void {
    this.#tag(field, FIXED64)
    doubles[0] = value
    const start = this.#reserve(8)
    this.#memory.set(bytesOfDouble, start)
  }

  /** Milliseconds, with fractions, as whole nanoseconds in 64 bits: in two halves, since no number holds them. */
  nanoseconds(field: number, ms: number): void {
    this.#tag(field, FIXED64)
    const sinceEpoch = ms - this.#epoch.ms
    if (!(sinceEpoch >= 0 && sinceEpoch < EPOCH_MS)) this.#epoch = epochAt(ms)
    const low = this.#epoch.low + Math.round((ms - this.#epoch.ms) * 1e6)
    this.#word(low % WORD)
    this.#word(this.#epoch.high + (low >= WORD ? 1 : 0))
  }

  /** Writes a text of few characters; how many bytes it takes. */
  #letters(text: string, start: number): number {
    const memory = this.#memory
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at)
      if (code > ASCII_MAX) return encoder.encodeInto(text, memory.subarray(start)).written
      memory[start + at] = code
    }
    return text.length
  }

  #tag(field: number, type: number): void {
    this.#varint(field * 8 + type)
  }

  #word(value: number): void {
    const start = this.#reserve(4)
    const memory = this.#memory
    memory[start] = value
    memory[start + 1] = value >>> 8
    memory[start + 2] = value >>> 16
    memory[start + 3] = value >>> 24
  }

  #negative(value: bigint): void {
    let rest = value
    for (; rest >= 128n; rest >>= 7n) this.#put(this.#reserve(1), Number(rest & 127n), 128)
    this.#put(this.#reserve(1), Number(rest))
  }

  #varint(value: number): void {
    const start = this.#reserve(bytesOf(value))
    this.#put(start, value)
  }

  #put(start: number, value: number, more = 0): void {
    let at = start
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) {
      this.#memory[at] = (rest % 128) + 128
      at += 1
    }
    this.#memory[at] = rest + more
  }

  /** Makes room for so many bytes more, and says where they begin. The memory may be another afterwards. */
  #reserve(count: number): number {
    const start = this.#size
    this.#size += count
    if (this.#size > this.#memory.length) {
      const larger = new Uint8Array(this.#size * 2)
      larger.set(this.#memory.subarray(0, start))
      this.#memory = larger
    }
    return start
  }
}

type Epoch = { readonly ms: number; readonly high: number; readonly low: number }

/** What times lately have in common: the last whole second, in milliseconds and, in two halves, in nanoseconds. */
function epochAt(at: number): Epoch {
  const ms = Math.floor(at / EPOCH_MS) * EPOCH_MS
  const nanoseconds = BigInt(ms) * 1_000_000n
  return { ms, high: Number(nanoseconds >> 32n), low: Number(nanoseconds & 0xffff_ffffn) }
}

/** How many bytes a varint takes. */
function bytesOf(value: number): number {
  let count = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) count += 1
  return count
}

const HEX = '0123456789abcdef'
/** The value of each hexadecimal digit, by its character. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => Math.max(0, HEX.indexOf(String.fromCharCode(code))))
const digit = (code: number): number => DIGITS[code] ?? 0
