import { VALUE_DEPTH_MAX } from '../definition.ts'

const TWO_32 = 2 ** 32
const ENCODER = new TextEncoder()
/** Major types of RFC 8949 §3.1, shifted to their place in the first byte. */
const UNSIGNED = 0x00
const NEGATIVE = 0x20
const TEXT = 0x60
const ARRAY = 0x80
const MAP = 0xa0

type Output = { readonly bytes: number[]; readonly sizeMax: number }

/**
 * The core deterministic CBOR encoding (RFC 8949 §4.2.1) of a JSON value: shortest integers and floats, whole floats
 * from −2^63 to 2^64 − 1 as integers, keys in the order of their bytes. Undefined for a value that nests too deep or has
 * more than `sizeMax` bytes (checked before each item, so a result may be somewhat longer).
 */
export function encodeCbor(value: unknown, sizeMax: number): Uint8Array | undefined {
  const output = { bytes: [], sizeMax }
  return write(output, value, 0) ? Uint8Array.from(output.bytes) : undefined
}

function write(output: Output, value: unknown, depth: number): boolean {
  const { bytes } = output
  if (bytes.length > output.sizeMax || depth > VALUE_DEPTH_MAX) return false
  if (typeof value === 'string') writeText(bytes, ENCODER.encode(value))
  else if (typeof value === 'number') writeNumber(bytes, value)
  else if (typeof value === 'boolean') bytes.push(value ? 0xf5 : 0xf4)
  else if (typeof value !== 'object' || value === null) bytes.push(0xf6)
  else if (Array.isArray(value)) return writeArray(output, value, depth)
  else return writeMap(output, value, depth)
  return true
}

/** Writes the initial byte of an item with its argument (RFC 8949 §3), in as few bytes as possible. */
function writeHead(bytes: number[], major: number, argument: number): void {
  if (argument < 24) bytes.push(major | argument)
  else if (argument < 0x100) bytes.push(major | 24, argument)
  else if (argument < 0x10000) bytes.push(major | 25, argument >>> 8, argument & 0xff)
  else if (argument < TWO_32) bytes.push(major | 26, ...fourBytes(argument))
  else bytes.push(major | 27, ...fourBytes(Math.floor(argument / TWO_32)), ...fourBytes(argument % TWO_32))
}

/** Big-endian. */
const fourBytes = (value: number): number[] => [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]

function writeText(bytes: number[], text: Uint8Array): void {
  writeHead(bytes, TEXT, text.length)
  for (const byte of text) bytes.push(byte)
}

function writeNumber(bytes: number[], value: number): void {
  if (!Number.isInteger(value) || value >= 2 ** 64 || value < -(2 ** 63)) writeFloat(bytes, value)
  else if (value >= 0) writeHead(bytes, UNSIGNED, value)
  else if (value >= -(2 ** 53)) writeHead(bytes, NEGATIVE, -1 - value)
  else writeLargeNegative(bytes, -value)
}

/** Below −2^53 a float cannot represent −1 − n, so 1 is subtracted from the two halves of the magnitude. */
function writeLargeNegative(bytes: number[], magnitude: number): void {
  const low = magnitude % TWO_32
  const high = Math.floor(magnitude / TWO_32)
  bytes.push(NEGATIVE | 27, ...fourBytes(low === 0 ? high - 1 : high), ...fourBytes(low === 0 ? TWO_32 - 1 : low - 1))
}

/** Writes the shortest float that represents `value` exactly. */
function writeFloat(bytes: number[], value: number): void {
  const view = new DataView(new ArrayBuffer(9))
  const size = setFloat(view, value)
  view.setUint8(0, size === 2 ? 0xf9 : size === 4 ? 0xfa : 0xfb)
  bytes.push(...new Uint8Array(view.buffer, 0, 1 + size))
}

function setFloat(view: DataView, value: number): 2 | 4 | 8 {
  view.setFloat16(1, value)
  if (Object.is(view.getFloat16(1), value)) return 2
  view.setFloat32(1, value)
  if (view.getFloat32(1) === value) return 4
  view.setFloat64(1, value)
  return 8
}

function writeArray(output: Output, items: readonly unknown[], depth: number): boolean {
  writeHead(output.bytes, ARRAY, items.length)
  return items.every((item) => write(output, item, depth + 1))
}

function writeMap(output: Output, map: object, depth: number): boolean {
  const entries = Object.entries(map).map(([key, value]) => {
    const name: number[] = []
    writeText(name, ENCODER.encode(key))
    return { name, value }
  })
  entries.sort((left, right) => compareBytes(left.name, right.name))
  writeHead(output.bytes, MAP, entries.length)
  return entries.every(({ name, value }) => {
    for (const byte of name) output.bytes.push(byte)
    return write(output, value, depth + 1)
  })
}

function compareBytes(left: readonly number[], right: readonly number[]): number {
  const shared = Math.min(left.length, right.length)
  for (let at = 0; at < shared; at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}
