const C1 = 0xcc9e2d51
const C2 = 0x1b873593

/**
 * MurmurHash3_x86_32 with seed 0 (https://github.com/aappleby/smhasher) over the UTF-8 bytes of texts, one after the
 * other. Makes no buffer and joins no texts: joining costs more than hashing. Lone surrogates count as U+FFFD, as
 * TextEncoder writes them.
 */
export class Murmur3 {
  #hash = 0
  /** Up to three bytes that wait for their fourth, the first lowest. */
  #block = 0
  #bytes = 0

  add(text: string): this {
    const blocks = text.length & ~3
    const shift = (this.#bytes & 3) << 3
    let hash = this.#hash
    let block = this.#block
    let at = 0
    for (; at < blocks; at += 4) {
      const first = text.charCodeAt(at)
      const second = text.charCodeAt(at + 1)
      const third = text.charCodeAt(at + 2)
      const fourth = text.charCodeAt(at + 3)
      if ((first | second | third | fourth) > 0x7f) break
      const word = first | (second << 8) | (third << 16) | (fourth << 24)
      hash = mix(hash, block | (word << shift))
      block = shift === 0 ? 0 : word >>> (32 - shift)
    }
    this.#hash = hash
    this.#block = block
    this.#bytes += at
    return this.#addPoints(text, at)
  }

  /** The hash as unsigned 32 bits. */
  finish(): number {
    return finish(this.#hash ^ scramble(this.#block), this.#bytes)
  }

  /** The rest of a text, from its first block that is not ASCII or not whole. */
  #addPoints(text: string, start: number): this {
    for (let at = start; at < text.length; at += 1) {
      const code = text.charCodeAt(at)
      if (code < 0x80) {
        this.#addByte(code)
        continue
      }
      const point = codePointAt(text, at)
      if (point > 0xffff) at += 1
      for (let rest = utf8(point), left = utf8Length(point); left > 0; left -= 1, rest >>>= 8)
        this.#addByte(rest & 0xff)
    }
    return this
  }

  #addByte(byte: number): void {
    this.#block |= byte << ((this.#bytes & 3) << 3)
    this.#bytes += 1
    if ((this.#bytes & 3) !== 0) return
    this.#hash = mix(this.#hash, this.#block)
    this.#block = 0
  }
}

/** The MurmurHash3 of one text. */
export function murmur3(text: string): number {
  return new Murmur3().add(text).finish()
}

/** MurmurHash3_x86_32 with seed 0 of the first `length` of `bytes`. */
export function murmur3Bytes(bytes: Uint8Array, length: number): number {
  let hash = 0
  let block = 0
  for (let at = 0; at < length; at += 1) {
    block |= (bytes[at] ?? 0) << ((at & 3) << 3)
    if ((at & 3) !== 3) continue
    hash = mix(hash, block)
    block = 0
  }
  return finish(hash ^ scramble(block), length)
}

/** The code point at `at`; U+FFFD for a surrogate without its other half. */
export function codePointAt(text: string, at: number): number {
  const point = text.codePointAt(at) ?? 0
  return point >= 0xd800 && point <= 0xdfff ? 0xfffd : point
}

/** How many bytes UTF-8 takes for `point`. */
export function utf8Length(point: number): number {
  if (point < 0x80) return 1
  if (point < 0x800) return 2
  return point < 0x10000 ? 3 : 4
}

/** The UTF-8 bytes of `point` in one number, the first byte lowest. */
export function utf8(point: number): number {
  if (point < 0x80) return point
  const last = 0x80 | (point & 0x3f)
  if (point < 0x800) return 0xc0 | (point >> 6) | (last << 8)
  const third = 0x80 | ((point >> 6) & 0x3f)
  if (point < 0x10000) return 0xe0 | (point >> 12) | (third << 8) | (last << 16)
  return 0xf0 | (point >> 18) | ((0x80 | ((point >> 12) & 0x3f)) << 8) | (third << 16) | (last << 24)
}

function scramble(block: number): number {
  const product = Math.imul(block, C1)
  return Math.imul((product << 15) | (product >>> 17), C2)
}

function mix(hash: number, block: number): number {
  const mixed = hash ^ scramble(block)
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}

function finish(from: number, length: number): number {
  let hash = from ^ length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
