import { VALUE_DEPTH_MAX } from '../definition.ts'

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
  return write(output, value, 0) ? new Uint8Array(output.bytes) : undefined
}

function write(output: Output, value: unknown, depth: number): boolean {
  const { bytes } = output
  if (bytes.length > output.sizeMax || depth > VALUE_DEPTH_MAX) return false
  if (typeof value === 'string') writeText(bytes, value)
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
  else if (argument < 2 ** 32) writeSized(bytes, major | 26, 4, (view) => view.setUint32(0, argument))
  else writeSized(bytes, major | 27, 8, (view) => view.setBigUint64(0, BigInt(argument)))
}

function writeSized(bytes: number[], head: number, size: number, set: (view: DataView) => void): void {
  const buffer = new ArrayBuffer(size)
  set(new DataView(buffer))
  bytes.push(head, ...new Uint8Array(buffer))
}

/** Copies ASCII itself: for short texts TextEncoder takes longer on Node. */
function writeText(bytes: number[], text: string): void {
  const start = bytes.length
  writeHead(bytes, TEXT, text.length)
  for (let at = 0; at < text.length; at += 1) {
    if (text.charCodeAt(at) > 0x7f) {
      bytes.length = start
      const encoded = ENCODER.encode(text)
      writeHead(bytes, TEXT, encoded.length)
      for (const byte of encoded) bytes.push(byte)
      return
    }
    bytes.push(text.charCodeAt(at))
  }
}

function writeNumber(bytes: number[], value: number): void {
  const major = value < 0 ? NEGATIVE : UNSIGNED
  if (Number.isSafeInteger(value)) writeHead(bytes, major, value < 0 ? -1 - value : value)
  else if (!Number.isInteger(value) || value >= 2 ** 64 || value < -(2 ** 63)) writeFloat(bytes, value)
  else writeSized(bytes, major | 27, 8, (view) => view.setBigUint64(0, value < 0 ? -1n - BigInt(value) : BigInt(value)))
}

/** Writes the shortest float that represents `value` exactly. */
function writeFloat(bytes: number[], value: number): void {
  const view = new DataView(new ArrayBuffer(4))
  view.setFloat16(0, value)
  if (Object.is(view.getFloat16(0), value)) bytes.push(0xf9, view.getUint8(0), view.getUint8(1))
  else if (Math.fround(value) === value) writeSized(bytes, 0xfa, 4, (float) => float.setFloat32(0, value))
  else writeSized(bytes, 0xfb, 8, (float) => float.setFloat64(0, value))
}

function writeArray(output: Output, items: readonly unknown[], depth: number): boolean {
  writeHead(output.bytes, ARRAY, items.length)
  return items.every((item) => write(output, item, depth + 1))
}

function writeMap(output: Output, map: object, depth: number): boolean {
  const entries = Object.entries(map).map(([key, value]) => {
    const name: number[] = []
    writeText(name, key)
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
