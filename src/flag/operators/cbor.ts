import { VALUE_DEPTH_MAX } from '../definition.ts'

const ENCODER = new TextEncoder()
/** Major types of RFC 8949 §3.1, shifted to their place in the first byte. */
const UNSIGNED = 0x00
const NEGATIVE = 0x20
const TEXT = 0x60
const ARRAY = 0x80
const MAP = 0xa0

/** Takes the bytes of an encoding one after another, so that a hash needs no copy of them. */
export type CborOutput = {
  /** Number of bytes so far. */
  readonly size: number
  addByte(byte: number): unknown
  addBytes(bytes: Uint8Array): unknown
  /** Adds the UTF-8 bytes of a text. */
  add(text: string): unknown
}

/**
 * Writes the core deterministic CBOR encoding (RFC 8949 §4.2.1) of a JSON value: shortest integers and floats, whole floats
 * from −2^63 to 2^64 − 1 as integers, keys in the order of their bytes. False, with a part written, for a value that nests too deep or has
 * more than `sizeMax` bytes (checked before each item, so an accepted encoding may be somewhat longer).
 */
export function writeCbor(output: CborOutput, value: unknown, sizeMax: number): boolean {
  return write({ output, sizeMax }, value, 0)
}

type Writing = { readonly output: CborOutput; readonly sizeMax: number }

function write(writing: Writing, value: unknown, depth: number): boolean {
  const { output, sizeMax } = writing
  if (output.size > sizeMax || depth > VALUE_DEPTH_MAX) return false
  if (typeof value === 'string') writeText(output, value)
  else if (typeof value === 'number') writeNumber(output, value)
  else if (typeof value === 'boolean') output.addByte(value ? 0xf5 : 0xf4)
  else if (typeof value !== 'object' || value === null) output.addByte(0xf6)
  else if (Array.isArray(value)) return writeArray(writing, value, depth)
  else return writeMap(writing, value, depth)
  return true
}

/** Writes the initial byte of an item with its argument (RFC 8949 §3), in as few bytes as possible. */
function writeHead(output: CborOutput, major: number, argument: number): void {
  if (argument < 24) {
    output.addByte(major | argument)
  } else if (argument < 0x100) {
    output.addByte(major | 24)
    output.addByte(argument)
  } else if (argument < 0x10000) {
    output.addByte(major | 25)
    output.addByte(argument >>> 8)
    output.addByte(argument & 0xff)
  } else if (argument < 2 ** 32) writeSized(output, major | 26, 4, (view) => view.setUint32(0, argument))
  else writeSized(output, major | 27, 8, (view) => view.setBigUint64(0, BigInt(argument)))
}

function writeSized(output: CborOutput, head: number, size: number, set: (view: DataView) => void): void {
  const buffer = new ArrayBuffer(size)
  set(new DataView(buffer))
  output.addByte(head)
  output.addBytes(new Uint8Array(buffer))
}

/** The head of a text precedes it and contains its length in UTF-8, which for ASCII is known without encoding it. */
export function writeText(output: CborOutput, text: string): void {
  if (isAscii(text)) {
    writeHead(output, TEXT, text.length)
    output.add(text)
  } else writeEncoded(output, ENCODER.encode(text))
}

/** Writes the list of `texts`. */
export function writeTexts(output: CborOutput, ...texts: readonly string[]): void {
  writeHead(output, ARRAY, texts.length)
  for (const text of texts) writeText(output, text)
}

/** Writes the text that `parts` are together. ASCII is not joined, which would take longer than hashing it. */
export function writeJoined(output: CborOutput, parts: readonly string[]): void {
  let length = 0
  for (let index = 0; index < parts.length; index += 1) {
    const part = parts[index] ?? ''
    if (!isAscii(part)) {
      // A surrogate pair may be divided between parts.
      writeEncoded(output, ENCODER.encode(parts.join('')))
      return
    }
    length += part.length
  }
  writeHead(output, TEXT, length)
  for (let index = 0; index < parts.length; index += 1) output.add(parts[index] ?? '')
}

function writeEncoded(output: CborOutput, encoded: Uint8Array): void {
  writeHead(output, TEXT, encoded.length)
  output.addBytes(encoded)
}

/** A loop, because a regular expression takes longer for the short texts that are bucketed. */
function isAscii(text: string): boolean {
  let seen = 0
  for (let at = 0; at < text.length; at += 1) seen |= text.charCodeAt(at)
  return seen < 0x80
}

function writeNumber(output: CborOutput, value: number): void {
  const major = value < 0 ? NEGATIVE : UNSIGNED
  if (Number.isSafeInteger(value)) writeHead(output, major, value < 0 ? -1 - value : value)
  else if (!Number.isInteger(value) || value >= 2 ** 64 || value < -(2 ** 63)) writeFloat(output, value)
  else
    writeSized(output, major | 27, 8, (view) => view.setBigUint64(0, value < 0 ? -1n - BigInt(value) : BigInt(value)))
}

/** Writes the shortest float that represents `value` exactly. */
function writeFloat(output: CborOutput, value: number): void {
  const half = new DataView(new ArrayBuffer(2))
  half.setFloat16(0, value)
  if (Object.is(half.getFloat16(0), value)) writeSized(output, 0xf9, 2, (float) => float.setFloat16(0, value))
  else if (Math.fround(value) === value) writeSized(output, 0xfa, 4, (float) => float.setFloat32(0, value))
  else writeSized(output, 0xfb, 8, (float) => float.setFloat64(0, value))
}

function writeArray(writing: Writing, items: readonly unknown[], depth: number): boolean {
  writeHead(writing.output, ARRAY, items.length)
  for (let index = 0; index < items.length; index += 1) if (!write(writing, items[index], depth + 1)) return false
  return true
}

function writeMap(writing: Writing, map: object, depth: number): boolean {
  const { output } = writing
  const entries = Object.entries(map).map(([key, value]) => ({ name: ENCODER.encode(key), value }))
  entries.sort((left, right) => compareNames(left.name, right.name))
  writeHead(output, MAP, entries.length)
  return entries.every(({ name, value }) => {
    writeEncoded(output, name)
    return write(writing, value, depth + 1)
  })
}

/** The order of the encodings of two names. A longer name has a greater head. */
function compareNames(left: Uint8Array, right: Uint8Array): number {
  if (left.length !== right.length) return left.length - right.length
  for (let at = 0; at < left.length; at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
