import { VALUE_DEPTH_MAX } from '../definition.ts'
import { codePointAt, utf8, utf8Length } from './murmur3.ts'

const TWO_32 = 2 ** 32
/** Major types of RFC 8949 §3.1, in place in the first byte. */
const UNSIGNED = 0x00
const NEGATIVE = 0x20
const TEXT = 0x60
const ARRAY = 0x80
const MAP = 0xa0

/** Bytes being written; the buffer doubles when it is full. */
class Writer {
  bytes = new Uint8Array(64)
  length = 0

  byte(value: number): void {
    if (this.length === this.bytes.length) this.#grow(this.length + 1)
    this.bytes[this.length] = value
    this.length += 1
  }

  append(bytes: Uint8Array): void {
    if (this.length + bytes.length > this.bytes.length) this.#grow(this.length + bytes.length)
    this.bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  big(value: number, size: number): void {
    for (let shift = (size - 1) * 8; shift >= 0; shift -= 8) this.byte((value >>> shift) & 0xff)
  }

  #grow(least: number): void {
    const larger = new Uint8Array(Math.max(least, this.bytes.length * 2))
    larger.set(this.bytes.subarray(0, this.length))
    this.bytes = larger
  }
}

/**
 * The core deterministic CBOR encoding (RFC 8949 §4.2.1) of a JSON value: shortest integers and floats, whole floats
 * from −2^63 to 2^64 − 1 as integers, keys in the order of their bytes. Undefined when it nests too deep, or has more
 * than `sizeMax` bytes (checked per item, so somewhat later).
 */
export function encodeCbor(value: unknown, sizeMax: number): Uint8Array | undefined {
  const writer = new Writer()
  return write(writer, value, { depth: 0, sizeMax }) ? writer.bytes.subarray(0, writer.length) : undefined
}

type Bounds = { readonly depth: number; readonly sizeMax: number }

function write(writer: Writer, value: unknown, bounds: Bounds): boolean {
  if (writer.length > bounds.sizeMax || bounds.depth > VALUE_DEPTH_MAX) return false
  if (typeof value === 'string') writeText(writer, value)
  else if (typeof value === 'number') writeNumber(writer, value)
  else if (typeof value === 'boolean') writer.byte(value ? 0xf5 : 0xf4)
  else if (typeof value !== 'object' || value === null) writer.byte(0xf6)
  else if (Array.isArray(value)) return writeArray(writer, value, bounds)
  else return writeMap(writer, value, bounds)
  return true
}

function writeHead(writer: Writer, major: number, value: number): void {
  if (value < 24) writer.byte(major | value)
  else if (value < 0x100) writeSized(writer, major | 24, value, 1)
  else if (value < 0x10000) writeSized(writer, major | 25, value, 2)
  else if (value < TWO_32) writeSized(writer, major | 26, value, 4)
  else {
    writeSized(writer, major | 27, Math.floor(value / TWO_32), 4)
    writer.big(value % TWO_32, 4)
  }
}

function writeSized(writer: Writer, head: number, value: number, size: number): void {
  writer.byte(head)
  writer.big(value, size)
}

function writeText(writer: Writer, text: string): void {
  let size = 0
  for (let at = 0; at < text.length; at += 1) {
    const point = codePointAt(text, at)
    if (point > 0xffff) at += 1
    size += utf8Length(point)
  }
  writeHead(writer, TEXT, size)
  for (let at = 0; at < text.length; at += 1) {
    const point = codePointAt(text, at)
    if (point > 0xffff) at += 1
    for (let rest = utf8(point), left = utf8Length(point); left > 0; left -= 1, rest >>>= 8) writer.byte(rest & 0xff)
  }
}

function writeNumber(writer: Writer, value: number): void {
  if (!Number.isInteger(value) || value >= 2 ** 64 || value < -(2 ** 63)) writeFloat(writer, value)
  else if (value >= 0) writeHead(writer, UNSIGNED, value)
  else if (value >= -(2 ** 53)) writeHead(writer, NEGATIVE, -1 - value)
  else writeLargeNegative(writer, -value)
}

/** Below −2^53 a float cannot hold −1 − n, so the 1 is taken from the two halves of the magnitude. */
function writeLargeNegative(writer: Writer, magnitude: number): void {
  const low = magnitude % TWO_32
  const high = Math.floor(magnitude / TWO_32)
  writeSized(writer, NEGATIVE | 27, low === 0 ? high - 1 : high, 4)
  writer.big(low === 0 ? TWO_32 - 1 : low - 1, 4)
}

function writeFloat(writer: Writer, value: number): void {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat16(0, value)
  if (Object.is(view.getFloat16(0), value)) {
    writeSized(writer, 0xf9, view.getUint16(0), 2)
    return
  }
  view.setFloat32(0, value)
  if (view.getFloat32(0) === value) {
    writeSized(writer, 0xfa, view.getUint32(0), 4)
    return
  }
  view.setFloat64(0, value)
  writeSized(writer, 0xfb, view.getUint32(0), 4)
  writer.big(view.getUint32(4), 4)
}

function writeArray(writer: Writer, items: readonly unknown[], bounds: Bounds): boolean {
  writeHead(writer, ARRAY, items.length)
  const inner = { ...bounds, depth: bounds.depth + 1 }
  return items.every((item) => write(writer, item, inner))
}

function writeMap(writer: Writer, map: object, bounds: Bounds): boolean {
  const entries = Object.entries(map).map(([key, value]) => {
    const name = new Writer()
    writeText(name, key)
    return { name: name.bytes.subarray(0, name.length), value }
  })
  entries.sort((left, right) => compareBytes(left.name, right.name))
  writeHead(writer, MAP, entries.length)
  const inner = { ...bounds, depth: bounds.depth + 1 }
  return entries.every(({ name, value }) => {
    writer.append(name)
    return write(writer, value, inner)
  })
}

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const shared = Math.min(left.length, right.length)
  for (let at = 0; at < shared; at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}
