import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  ResolveBooleanRequestSchema,
  ResolveBooleanResponseSchema,
} from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { frame, H2Client } from '../support/h2.ts'
import { type Listening, openListening } from '../support/listening.ts'

const RESOLVE = '/flagd.evaluation.v2.Service/ResolveBoolean'
const EVENTS = '/flagd.evaluation.v2.Service/EventStream'
const BYTES_MAX = 2_000

let it: Listening
let key = ''
let client: H2Client
const unexpected: string[] = []
before(async () => {
  const log = (message: string) => void unexpected.push(message)
  it = await openListening({ rpc: { bodyBytesMax: BYTES_MAX, log } })
  const place = await it.environment('wire')
  key = place.clientKey
  const on = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
  await it.service.call('PUT', `${place.path}/flags/on`, { body: on })
})
after(() => it.close())
beforeEach(() => {
  client = new H2Client(`http://127.0.0.1:${it.grpcPort}`)
})
afterEach(() => {
  client.close()
  assert.deepEqual(unexpected, [])
})

const message = (more: object = {}) =>
  toBinary(ResolveBooleanRequestSchema, create(ResolveBooleanRequestSchema, { flagKey: 'on', ...more }))
const send = (headers: Record<string, string>, chunks: readonly Uint8Array[], isEnded = true) =>
  client.send({ ':path': RESOLVE, 'x-api-key': key, ...headers }, chunks, isEnded)
const isRight = (body: Buffer) => fromBinary(ResolveBooleanResponseSchema, body.subarray(5)).value === true
const long = (bytes: number) => message({ context: { text: 'x'.repeat(bytes) } })

for (const [what, chunks, headers] of [
  ['one message', [frame(message())], {}],
  ['the format named', [frame(message())], { 'content-type': 'application/grpc+proto' }],
  ['a message in single bytes', [...frame(message())].map((byte) => Uint8Array.of(byte)), {}],
  ['a message compressed with gzip', [frame(gzipSync(message()), 1)], { 'grpc-encoding': 'gzip' }],
  ['an uncompressed message and grpc-encoding gzip', [frame(message())], { 'grpc-encoding': 'gzip' }],
  ['a message of the maximum length', [frame(long(BYTES_MAX - 40))], {}],
  ['a key in the metadata as bearer', [frame(message())], { authorization: 'bearer KEY' }],
] as const)
  test(`a call with ${what} is answered`, async () => {
    const filled = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.replace('KEY', key)]))
    const { headers: head, status, body } = await send(filled, chunks)
    assert.equal(head[':status'], 200)
    assert.equal(head['content-type'], 'application/grpc')
    assert.equal(status, 0)
    assert.ok(isRight(body))
  })

const broken = gzipSync(message()).subarray(0, 10)
for (const [what, status, chunks, headers] of [
  ['no message', 13, [], {}],
  ['half a head', 13, [frame(message()).subarray(0, 3)], {}],
  ['half a message', 13, [frame(message()).subarray(0, 7)], {}],
  ['two messages', 12, [frame(message()), frame(message())], {}],
  ['unknown flags', 13, [frame(message(), 2)], {}],
  ['a compressed message without an encoding', 13, [frame(gzipSync(message()), 1)], {}],
  ['an unsupported encoding', 12, [frame(message(), 1)], { 'grpc-encoding': 'deflate' }],
  ['a broken compressed message', 13, [frame(broken, 1)], { 'grpc-encoding': 'gzip' }],
  [
    'a small message that decompresses to a large one',
    8,
    [frame(gzipSync(long(1_000_000)), 1)],
    { 'grpc-encoding': 'gzip' },
  ],
  ['a message that is too long', 8, [frame(long(BYTES_MAX))], {}],
  ['bytes that are not a message', 3, [frame(Buffer.from([0x0a, 0xff, 0xff, 0xff]))], {}],
  ['an unknown key', 16, [frame(message())], { 'x-api-key': 'fs_client_nobody' }],
  ['a wrong selector', 3, [frame(message())], { 'flagd-selector': 'ü=é' }],
] as const)
  test(`a call with ${what} ends with status ${status}, and the next one is answered`, async () => {
    const answer = await send(headers, chunks)
    assert.equal(answer.headers[':status'], 200)
    assert.equal(answer.status, status, String(answer.trailers['grpc-message']))
    assert.ok(isRight((await send({}, [frame(message())])).body))
  })

test('an unknown method is UNIMPLEMENTED, in the response headers', async () => {
  const { headers, status } = await client.send({ ':path': '/no.such/Thing' }, [frame(message())])
  assert.equal(headers['grpc-status'], '12')
  assert.equal(status, 12)
})

test('GET is 405, and a different message format 415', async () => {
  assert.equal((await client.send({ ':path': RESOLVE, ':method': 'GET' })).headers[':status'], 405)
  const json = { ':path': RESOLVE, 'content-type': 'application/grpc+json' }
  assert.equal((await client.send(json, [frame(message())])).headers[':status'], 415)
})

test('a message whose declared length is too long is refused before it arrives', async () => {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(0xffffffff, 1)
  const { status } = await send({}, [head], false)
  assert.equal(status, 8)
})

test('the text of an error is percent-encoded', async () => {
  const { trailers } = await send({ 'flagd-selector': '100%é=x' }, [frame(message())])
  const text = decodeURIComponent(String(trailers['grpc-message']))
  assert.match(text, /^invalid selector: unknown key "100%/)
})

for (const [timeout, status] of [
  ['1x', 3],
  ['123456789S', 3],
  ['-1S', 3],
  ['50m', 4],
  ['1000u', 4],
] as const)
  test(`an event stream with grpc-timeout ${timeout} ends with status ${status}`, async () => {
    const answer = await send({ ':path': EVENTS, 'grpc-timeout': timeout }, [frame(new Uint8Array())])
    assert.equal(answer.status, status)
  })

test('a client that disconnects in the middle of a message, or of a response, leaks nothing', async () => {
  const { session } = client
  const headers = { ':method': 'POST', 'content-type': 'application/grpc', 'x-api-key': key }
  for (let turn = 0; turn < 50; turn++) {
    const stream = session.request({ ...headers, ':path': turn % 2 ? RESOLVE : EVENTS })
    stream.on('error', () => undefined)
    stream.write(turn % 2 ? frame(message()).subarray(0, 6) : frame(new Uint8Array()))
    if (turn % 2 === 0) stream.end()
    if (turn % 4 === 0) await once(stream, 'response')
    stream.close(http2.constants.NGHTTP2_CANCEL)
    await once(stream, 'close')
  }
  assert.ok(isRight((await send({}, [frame(message())])).body))
  while (it.service.rpc.size() > 0) await new Promise((resolve) => setImmediate(resolve))
})

test('a request that is not a gRPC call is answered over HTTP/2 as over HTTP/1.1', async () => {
  const body = Buffer.from('{"context":{}}')
  const headers = { ':path': '/ofrep/v1/evaluate/flags/on', 'content-type': 'application/json', 'x-api-key': key }
  const answer = await client.send(headers, [body])
  assert.equal(answer.headers[':status'], 200)
  assert.equal(JSON.parse(answer.body.toString()).value, true)
  const health = await client.send({ ':path': '/livez', ':method': 'GET', 'content-type': 'text/plain' })
  assert.equal(health.headers[':status'], 200)
})
