const C1 = 0xcc9e2d51
const C2 = 0x1b873593
const ENCODER = new TextEncoder()

/**
 * MurmurHash3_x86_32 with seed 0 (https://github.com/aappleby/smhasher) of bytes, or of the UTF-8 bytes of texts. ASCII is hashed
 * without a buffer or a joined text, which would cost more than hashing. Lone surrogates count as U+FFFD, as in TextEncoder.
 */
export class Murmur3 {
  #hash = 0
  /** Up to three bytes of an incomplete block, the first byte lowest. */
  #block = 0
  #bytes = 0

  /** Number of bytes so far. */
  get size(): number {
    return this.#bytes
  }

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
    return this.#addRest(text, at)
  }

  addBytes(bytes: Uint8Array): this {
    for (let at = 0; at < bytes.length; at += 1) this.addByte(bytes[at] ?? 0)
    return this
  }

  addByte(byte: number): void {
    this.#block |= byte << ((this.#bytes & 3) << 3)
    this.#bytes += 1
    if ((this.#bytes & 3) !== 0) return
    this.#hash = mix(this.#hash, this.#block)
    this.#block = 0
  }

  /** The hash as an unsigned 32-bit number. */
  finish(): number {
    let hash = this.#hash ^ scramble(this.#block) ^ this.#bytes
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    return (hash ^ (hash >>> 16)) >>> 0
  }

  /** Adds the text from `start`, the first block that is incomplete or not ASCII. */
  #addRest(text: string, start: number): this {
    for (let at = start; at < text.length; at += 1) {
      const code = text.charCodeAt(at)
      if (code > 0x7f) return this.addBytes(ENCODER.encode(text.slice(at)))
      this.addByte(code)
    }
    return this
  }
}

/** The MurmurHash3 of one text. */
export function murmur3(text: string): number {
  return new Murmur3().add(text).finish()
}

function scramble(block: number): number {
  const product = Math.imul(block, C1)
  return Math.imul((product << 15) | (product >>> 17), C2)
}

function mix(hash: number, block: number): number {
  const mixed = hash ^ scramble(block)
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}
