import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf'
import { RpcError, Status } from './status.ts'

/** Before each message: one byte that says whether it is compressed, and its length as 4 bytes, big-endian. */
const HEAD_BYTES = 5
const COMPRESSED = 1

const kept = new WeakMap<object, Buffer>()

/** A message as gRPC sends it. One that is frozen is shared, and written only once. */
export function frameOf<O extends DescMessage>(schema: O, message: MessageShape<O>): Buffer {
  const known = kept.get(message)
  if (known !== undefined) return known
  const bytes = toBinary(schema, message)
  const frame = Buffer.allocUnsafe(HEAD_BYTES + bytes.byteLength)
  frame[0] = 0
  frame.writeUInt32BE(bytes.byteLength, 1)
  frame.set(bytes, HEAD_BYTES)
  if (Object.isFrozen(message)) kept.set(message, frame)
  return frame
}

/** Reads a message; throws `RpcError` for bytes that are none. */
export function messageOf<I extends DescMessage>(schema: I, bytes: Uint8Array): MessageShape<I> {
  try {
    return fromBinary(schema, bytes)
  } catch {
    throw new RpcError(Status.invalidArgument, `The message is no ${schema.typeName}`)
  }
}

/** One message as it came. */
export type Frame = { readonly isCompressed: boolean; readonly bytes: Buffer }

/** Cuts what a client sends into messages of at most `bytesMax` bytes each. */
export class Frames {
  readonly #bytesMax: number
  #parts: Buffer[] = []
  #bytes = 0
  /** How many bytes there must be before there is something to do: chunks that are smaller are only put aside. */
  #wanted = HEAD_BYTES

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** True when a message has begun that is not whole. */
  get isBroken(): boolean {
    return this.#bytes > 0
  }

  /** The messages that became whole with `chunk`. Throws `RpcError` as soon as one must be too long. */
  take(chunk: Buffer): Frame[] {
    this.#parts.push(chunk)
    this.#bytes += chunk.byteLength
    const frames: Frame[] = []
    while (this.#bytes >= this.#wanted) {
      const all = this.#parts.length === 1 && this.#parts[0] ? this.#parts[0] : Buffer.concat(this.#parts)
      const end = HEAD_BYTES + this.#lengthOf(all)
      const isWhole = all.byteLength >= end
      if (isWhole) frames.push({ isCompressed: all[0] === COMPRESSED, bytes: all.subarray(HEAD_BYTES, end) })
      const rest = isWhole ? all.subarray(end) : all
      this.#parts = rest.byteLength > 0 ? [rest] : []
      this.#bytes = rest.byteLength
      this.#wanted = isWhole ? HEAD_BYTES : end
    }
    return frames
  }

  #lengthOf(head: Buffer): number {
    const flags = head[0] ?? 0
    if (flags > COMPRESSED) throw new RpcError(Status.internal, `Unknown flags ${flags} before a message`)
    const length = head.readUInt32BE(1)
    if (length <= this.#bytesMax) return length
    throw new RpcError(Status.resourceExhausted, `The message has ${length} bytes, more than ${this.#bytesMax}`)
  }
}

/** The encodings that we take, for `grpc-accept-encoding`. */
export const ENCODINGS = 'identity,gzip'

/** Unpacks a compressed message; `encoding` is what `grpc-encoding` says. Throws `RpcError`, also when it grows above `bytesMax`. */
export async function unpack(bytes: Buffer, encoding: string | undefined, bytesMax: number): Promise<Buffer> {
  if (encoding === undefined || encoding === 'identity')
    throw new RpcError(Status.internal, 'A message is compressed, and no grpc-encoding says how')
  if (encoding !== 'gzip') throw new RpcError(Status.unimplemented, `grpc-encoding is none of ${ENCODINGS}`)
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: bytesMax })
  } catch (error) {
    const isTooLong = error instanceof RangeError
    if (isTooLong) throw new RpcError(Status.resourceExhausted, `The message has more than ${bytesMax} bytes`)
    throw new RpcError(Status.internal, 'Cannot unpack a compressed message')
  }
}
