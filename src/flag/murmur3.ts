const C1 = 0xcc9e2d51
const C2 = 0x1b873593

/**
 * MurmurHash3_x86_32 with seed 0 (https://github.com/aappleby/smhasher) of the UTF-8 bytes of `text`, as unsigned
 * 32 bits. Makes no buffer. Lone surrogates count as U+FFFD, as TextEncoder writes them.
 */
export function murmur3(text: string): number {
  const length = text.length
  const blocks = length & ~3
  let hash = 0
  let at = 0
  for (; at < blocks; at += 4) {
    const first = text.charCodeAt(at)
    const second = text.charCodeAt(at + 1)
    const third = text.charCodeAt(at + 2)
    const fourth = text.charCodeAt(at + 3)
    if ((first | second | third | fourth) > 0x7f) return murmur3Wide(text, at, hash)
    hash = mix(hash, first | (second << 8) | (third << 16) | (fourth << 24))
  }
  let tail = 0
  for (let rest = length - 1; rest >= at; rest -= 1) {
    const code = text.charCodeAt(rest)
    if (code > 0x7f) return murmur3Wide(text, at, hash)
    tail = (tail << 8) | code
  }
  return finish(hash ^ scramble(tail), length)
}

/** Goes on from the block of four bytes that starts at `start`, for texts that are not all ASCII. */
function murmur3Wide(text: string, start: number, from: number): number {
  let hash = from
  let block = 0
  let bytes = start
  for (let at = start; at < text.length; at += 1) {
    const point = codePointAt(text, at)
    if (point > 0xffff) at += 1
    for (let rest = utf8(point), left = utf8Length(point); left > 0; left -= 1) {
      block |= (rest & 0xff) << ((bytes & 3) << 3)
      rest >>>= 8
      bytes += 1
      if ((bytes & 3) !== 0) continue
      hash = mix(hash, block)
      block = 0
    }
  }
  return finish(hash ^ scramble(block), bytes)
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
