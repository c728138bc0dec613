import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf'
import { RpcError, StatusCode } from './service.ts'

/** The prefix of each message: one byte of flags and the length as 4 bytes, big-endian. */
const PREFIX_BYTES = 5
const COMPRESSED = 1

const encoded = new WeakMap<object, Buffer>()

/** Encodes a message with its prefix. The bytes of a frozen message are cached: many calls share it. */
export function encodeFrame<O extends DescMessage>(schema: O, message: MessageShape<O>): Buffer {
  const cached = encoded.get(message)
  if (cached !== undefined) return cached
  const bytes = toBinary(schema, message)
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + bytes.byteLength)
  frame[0] = 0
  frame.writeUInt32BE(bytes.byteLength, 1)
  frame.set(bytes, PREFIX_BYTES)
  if (Object.isFrozen(message)) encoded.set(message, frame)
  return frame
}

/** Decodes the payload of a frame. Throws `RpcError` for invalid bytes. */
export function decodeMessage<I extends DescMessage>(schema: I, bytes: Uint8Array): MessageShape<I> {
  try {
    return fromBinary(schema, bytes)
  } catch {
    throw new RpcError(StatusCode.invalidArgument, `Cannot decode the message as ${schema.typeName}`)
  }
}

/** The payload of one received frame. */
export type MessageFrame = { readonly isCompressed: boolean; readonly bytes: Buffer }

/** Splits the chunks of one stream into messages of at most `bytesMax` bytes each. */
export class FrameDecoder {
  readonly #bytesMax: number
  #chunks: Buffer[] = []
  #bytes = 0
  /** Bytes that the next step needs. Smaller chunks are only collected, so that no byte is copied once for each chunk. */
  #bytesNeeded = PREFIX_BYTES

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** True after a part of a message. */
  get isIncomplete(): boolean {
    return this.#bytes > 0
  }

  /** The messages that end in `chunk`. Throws `RpcError` at the prefix of a message that is too long. */
  decode(chunk: Buffer): MessageFrame[] {
    this.#chunks.push(chunk)
    this.#bytes += chunk.byteLength
    const frames: MessageFrame[] = []
    while (this.#bytes >= this.#bytesNeeded) {
      const all = this.#chunks.length === 1 && this.#chunks[0] ? this.#chunks[0] : Buffer.concat(this.#chunks)
      const end = PREFIX_BYTES + this.#lengthIn(all)
      const isComplete = all.byteLength >= end
      if (isComplete) frames.push({ isCompressed: all[0] === COMPRESSED, bytes: all.subarray(PREFIX_BYTES, end) })
      const rest = isComplete ? all.subarray(end) : all
      this.#chunks = rest.byteLength > 0 ? [rest] : []
      this.#bytes = rest.byteLength
      this.#bytesNeeded = isComplete ? PREFIX_BYTES : end
    }
    return frames
  }

  #lengthIn(prefix: Buffer): number {
    const flags = prefix[0] ?? 0
    if (flags > COMPRESSED) throw new RpcError(StatusCode.internal, `Unknown flags ${flags} before a message`)
    const length = prefix.readUInt32BE(1)
    if (length <= this.#bytesMax) return length
    throw tooLong(`The message has ${length} bytes, more than ${this.#bytesMax}`)
  }
}

/** Final, unlike RESOURCE_EXHAUSTED of a busy replica: flagd's provider for Java would retry the same message for 3 s. */
const tooLong = (message: string): RpcError => new RpcError(StatusCode.resourceExhausted, message, true)

/** The supported encodings, for `grpc-accept-encoding`. */
export const ENCODINGS = 'identity,gzip'

/** Decompresses a message by `encoding`, the value of `grpc-encoding`. Throws `RpcError`, also above `bytesMax`. */
export async function decompress(bytes: Buffer, encoding: string | undefined, bytesMax: number): Promise<Buffer> {
  if (encoding === undefined || encoding === 'identity')
    throw new RpcError(StatusCode.internal, 'The message is compressed, but grpc-encoding names no compression')
  if (encoding !== 'gzip') throw new RpcError(StatusCode.unimplemented, `grpc-encoding must be one of ${ENCODINGS}`)
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: bytesMax })
  } catch (error) {
    if (error instanceof RangeError) throw tooLong(`The message has more than ${bytesMax} bytes`)
    throw new RpcError(StatusCode.internal, 'Cannot decompress the message')
  }
}

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 }
/** The maximum delay of a timer, about 25 days. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** Parses `grpc-timeout` into milliseconds; undefined: no deadline. Throws `RpcError` for an invalid value. */
export function parseTimeout(header: string | null): number | undefined {
  if (header === null) return undefined
  const [, digits, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(header) ?? []
  if (digits === undefined) throw new RpcError(StatusCode.invalidArgument, 'Cannot parse grpc-timeout')
  return Math.min(Number(digits) * (UNIT_MS[unit] ?? 0), TIMER_MS_MAX)
}

/** Encodes `grpc-message`: all but printable ASCII, and "%", as percent-encoded UTF-8. */
export const encodeStatusMessage = (text: string): string =>
  text.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]/gu, (character) => encodeURIComponent(character))
