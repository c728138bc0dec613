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
const WORD_LENGTH_MAX = 256
const WORD = 2 ** 32

/**
 * Writes one protobuf message after the other into the same memory, in one pass: a message leaves nothing behind for the collector
 * of garbage but its bytes.
 */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafe(START_BYTES)
  #size = 0
  readonly #words = new Map<string, Buffer>()

  /** The message that `write` writes. */
  message<T>(value: T, write: (to: this, value: T) => void): Uint8Array {
    this.#size = 0
    write(this, value)
    return new Uint8Array(this.#bytes.subarray(0, this.#size))
  }

  /** A message within. Its length is most often one byte; where it is not, what was written moves to make room. */
  within<T>(field: number, value: T, write: (to: this, value: T) => void): void {
    this.#tag(field, DELIMITED)
    const start = this.#reserve(1) + 1
    write(this, value)
    const length = this.#size - start
    const more = bytesOf(length) - 1
    if (more > 0) {
      this.#reserve(more)
      this.#bytes.copyWithin(start + more, start, start + length)
    }
    this.#put(start - 1, length)
  }

  text(field: number, text: string): void {
    this.#tag(field, DELIMITED)
    if (text.length > SHORT) {
      const length = Buffer.byteLength(text)
      this.#varint(length)
      const start = this.#reserve(length)
      this.#bytes.write(text, start)
      return
    }
    const start = this.#reserve(1 + text.length * 3)
    const length = this.#bytes.write(text, start + 1)
    this.#bytes[start] = length
    this.#size = start + 1 + length
  }

  /** A text of our making, which comes again and again. */
  word(field: number, word: string): void {
    const known = this.#words.get(word)
    if (known === undefined) {
      if (this.#words.size < WORDS_MAX && word.length <= WORD_LENGTH_MAX) this.#words.set(word, Buffer.from(word))
      this.text(field, word)
    } else this.bytes(field, known)
  }

  bytes(field: number, bytes: Uint8Array): void {
    this.#tag(field, DELIMITED)
    this.#varint(bytes.length)
    const start = this.#reserve(bytes.length)
    this.#bytes.set(bytes, start)
  }

  /** Bytes given as hexadecimal digits. */
  hex(field: number, digits: string): void {
    const length = digits.length / 2
    this.#tag(field, DELIMITED)
    this.#varint(length)
    const start = this.#reserve(length)
    this.#bytes.write(digits, start, 'hex')
  }

  /** An integer of at most 53 bits; a negative one takes ten bytes, as `int64` says. */
  integer(field: number, value: number): void {
    this.#tag(field, VARINT)
    if (value >= 0) {
      this.#varint(value)
      return
    }
    let rest = BigInt.asUintN(64, BigInt(value))
    for (; rest >= 128n; rest >>= 7n) this.#byte(Number(rest & 127n) + 128)
    this.#byte(Number(rest))
  }

  fixed32(field: number, value: number): void {
    this.#tag(field, FIXED32)
    const start = this.#reserve(4)
    this.#bytes.writeUInt32LE(value, start)
  }

  double(field: number, value: number): void {
    this.#tag(field, FIXED64)
    const start = this.#reserve(8)
    this.#bytes.writeDoubleLE(value, start)
  }

  /** Milliseconds, with fractions, as whole nanoseconds in 64 bits: in two halves, since no number holds them. */
  nanoseconds(field: number, ms: number): void {
    this.#tag(field, FIXED64)
    const whole = Math.floor(ms)
    const high = Math.floor(whole / 2 ** 24) * 1e6
    const low = (whole % 2 ** 24) * 1e6 + Math.round((ms - whole) * 1e6) + (high % 256) * 2 ** 24
    const start = this.#reserve(8)
    this.#bytes.writeUInt32LE(low % WORD, start)
    this.#bytes.writeUInt32LE(Math.floor(high / 256) + Math.floor(low / WORD), start + 4)
  }

  #tag(field: number, type: number): void {
    this.#varint(field * 8 + type)
  }

  #byte(value: number): void {
    const start = this.#reserve(1)
    this.#bytes[start] = value
  }

  #varint(value: number): void {
    const start = this.#reserve(bytesOf(value))
    this.#put(start, value)
  }

  #put(start: number, value: number): void {
    let at = start
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) {
      this.#bytes[at] = (rest % 128) + 128
      at += 1
    }
    this.#bytes[at] = rest
  }

  /** Makes room for so many bytes more, and says where they begin. The memory may be another afterwards. */
  #reserve(count: number): number {
    const start = this.#size
    this.#size += count
    if (this.#size > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(this.#size * 2)
      larger.set(this.#bytes.subarray(0, start))
      this.#bytes = larger
    }
    return start
  }
}

/** How many bytes a varint takes. */
function bytesOf(value: number): number {
  let count = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) count += 1
  return count
}
