import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { create } from '@bufbuild/protobuf'
import { decodeMessage, decompress, encodeFrame, FrameDecoder, type MessageFrame } from '../../src/grpc/framing.ts'
import { ResolveBooleanRequestSchema } from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { HealthCheckResponseSchema } from '../../src/grpc/gen/grpc/health/v1/health_pb.js'
import { RpcError, StatusCode, sharedMessage } from '../../src/grpc/service.ts'
import { frame } from '../support/h2.ts'

const BYTES_MAX = 100

const is = (status: StatusCode) => (error: unknown) => error instanceof RpcError && error.status === status
const plain = (text: string): MessageFrame => ({ isCompressed: false, bytes: Buffer.from(text) })

/** The messages of a stream that arrives in chunks of `size` bytes. */
function cut(stream: Buffer, size: number): { frames: MessageFrame[]; isBroken: boolean } {
  const frames = new FrameDecoder(BYTES_MAX)
  const taken: MessageFrame[] = []
  for (let at = 0; at < stream.byteLength; at += size) taken.push(...frames.decode(stream.subarray(at, at + size)))
  return { frames: taken, isBroken: frames.isIncomplete }
}

for (const size of [1, 2, 3, 4, 5, 6, 7, 11, 1_000])
  test(`FrameDecoder cuts messages out of chunks of ${size} bytes`, () => {
    const stream = Buffer.concat(['one', '', 'x'.repeat(BYTES_MAX), 'four'].map((text) => frame(Buffer.from(text))))
    const expected = ['one', '', 'x'.repeat(BYTES_MAX), 'four'].map(plain)
    assert.deepEqual(cut(stream, size), { frames: expected, isBroken: false })
    assert.deepEqual(cut(stream.subarray(0, -1), size), { frames: expected.slice(0, -1), isBroken: true })
    assert.deepEqual(cut(stream.subarray(0, 8 + 3), size), { frames: expected.slice(0, 1), isBroken: true })
  })

test('FrameDecoder accepts empty chunks, and an empty stream is not a truncated message', () => {
  const frames = new FrameDecoder(BYTES_MAX)
  assert.deepEqual(frames.decode(Buffer.alloc(0)), [])
  assert.equal(frames.isIncomplete, false)
})

test('FrameDecoder distinguishes compressed messages from plain ones', () => {
  const { frames } = cut(Buffer.concat([frame(Buffer.from('a'), 1), frame(Buffer.from('b'))]), 4)
  assert.deepEqual(
    frames.map(({ isCompressed }) => isCompressed),
    [true, false],
  )
})

for (const [what, head, status] of [
  ['a message that is one byte too long', [0, 0, 0, 0, BYTES_MAX + 1], StatusCode.resourceExhausted],
  ['the maximum of the length field', [0, 255, 255, 255, 255], StatusCode.resourceExhausted],
  ['the flag of trailers in gRPC-Web', [0x80, 0, 0, 0, 1], StatusCode.internal],
  ['an unknown flag', [2, 0, 0, 0, 1], StatusCode.internal],
] as const)
  test(`FrameDecoder refuses ${what} at its head`, () => {
    assert.throws(() => new FrameDecoder(BYTES_MAX).decode(Buffer.from(head)), is(status))
    const after = new FrameDecoder(BYTES_MAX)
    assert.throws(() => after.decode(Buffer.concat([frame(Buffer.from('a')), Buffer.from(head)])), is(status))
  })

test('FrameDecoder does not copy a message again for each byte that arrives', () => {
  const frames = new FrameDecoder(1_000_000)
  const stream = frame(Buffer.alloc(1_000_000, 'x'))
  const begin = performance.now()
  let taken = 0
  for (let at = 0; at < stream.byteLength; at += 1) taken += frames.decode(stream.subarray(at, at + 1)).length
  assert.equal(taken, 1)
  // A copy for each byte would be 500 GB.
  assert.ok(performance.now() - begin < 5_000)
})

test('decompress() returns the original, up to the limit', async () => {
  const longest = Buffer.alloc(BYTES_MAX, 'x')
  assert.deepEqual(await decompress(gzipSync(longest), 'gzip', BYTES_MAX), longest)
  assert.deepEqual(await decompress(gzipSync(''), 'gzip', BYTES_MAX), Buffer.alloc(0))
})

const packed = gzipSync('x'.repeat(80))
for (const [what, bytes, encoding, status] of [
  ['more than the limit', gzipSync('x'.repeat(BYTES_MAX + 1)), 'gzip', StatusCode.resourceExhausted],
  ['a bomb', gzipSync(Buffer.alloc(50_000_000)), 'gzip', StatusCode.resourceExhausted],
  ['a broken head', Buffer.from('no gzip'), 'gzip', StatusCode.internal],
  ['a lost end', packed.subarray(0, -6), 'gzip', StatusCode.internal],
  ['a wrong checksum', Buffer.concat([packed.subarray(0, -8), Buffer.alloc(8)]), 'gzip', StatusCode.internal],
  ['no bytes', Buffer.alloc(0), 'gzip', StatusCode.internal],
  ['no encoding', packed, undefined, StatusCode.internal],
  ['the identity', packed, 'identity', StatusCode.internal],
  ['deflate', packed, 'deflate', StatusCode.unimplemented],
  ['a name in capitals', packed, 'GZIP', StatusCode.unimplemented],
] as const)
  test(`decompress() refuses ${what}`, () => assert.rejects(decompress(bytes, encoding, BYTES_MAX), is(status)))

test('encodeFrame() writes length and message, and a shared message only once', () => {
  const request = create(ResolveBooleanRequestSchema, { flagKey: 'on' })
  const bytes = encodeFrame(ResolveBooleanRequestSchema, request)
  assert.deepEqual([...bytes], [0, 0, 0, 0, 4, 0x0a, 2, 0x6f, 0x6e])
  request.flagKey = 'off'
  assert.notDeepEqual(encodeFrame(ResolveBooleanRequestSchema, request), bytes)
  const shared = sharedMessage(HealthCheckResponseSchema, { status: 1 })
  assert.equal(encodeFrame(HealthCheckResponseSchema, shared), encodeFrame(HealthCheckResponseSchema, shared))
})

/** Bytes of a Struct with `levels` nested fields, which encoders refuse to make. */
function nested(levels: number): Buffer {
  let struct: Buffer = Buffer.alloc(0)
  for (let level = 0; level < levels; level += 1) {
    const value = field(5, struct)
    struct = field(1, Buffer.concat([field(1, Buffer.from('a')), field(2, value)]))
  }
  return Buffer.concat([field(1, Buffer.from('on')), field(2, struct)])
}

/** A field of the wire type "bytes". */
function field(number: number, bytes: Buffer): Buffer {
  const length: number[] = []
  for (let rest = bytes.byteLength; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest)
    if (rest <= 127) break
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes])
}

test('decodeMessage() reads a context of 30 levels, and refuses one of 10,000', () => {
  assert.equal(decodeMessage(ResolveBooleanRequestSchema, nested(30)).flagKey, 'on')
  assert.throws(() => decodeMessage(ResolveBooleanRequestSchema, nested(10_000)), is(StatusCode.invalidArgument))
})

for (const [what, bytes] of [
  ['a length above the end', [0x0a, 0xff, 0xff, 0xff]],
  ['a varint without end', [0x0a, ...Array<number>(20).fill(0xff)]],
  ['a field of number 0', [0x02, 0x00]],
  ['a wire type that does not exist', [0x0f]],
  ['a group that never ends', [0x1b, 0x1b, 0x1b]],
  ['text that is not UTF-8', [0x0a, 0x02, 0xff, 0xfe]],
] as const)
  test(`decodeMessage() refuses ${what}`, () =>
    assert.throws(() => decodeMessage(ResolveBooleanRequestSchema, Buffer.from(bytes)), is(StatusCode.invalidArgument)))
