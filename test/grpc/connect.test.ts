import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  ResolveBooleanRequestSchema,
  ResolveBooleanResponseSchema,
} from '../../src/grpc/gen/flagd/evaluation/v1/evaluation_pb.js'
import { frame } from '../support/h2.ts'
import { type Listening, openListening } from '../support/listening.ts'

const RESOLVE = '/flagd.evaluation.v1.Service/ResolveBoolean'
const EVENTS = '/flagd.evaluation.v1.Service/EventStream'

let it: Listening
let key = ''
before(async () => {
  it = await openListening({ rpc: { bodyBytesMax: 2_000 } })
  const place = await it.environment('web')
  key = place.clientKey
  const on = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
  await it.service.call('PUT', `${place.path}/flags/on`, { body: on })
})
after(() => it.close())

const post = (
  path: string,
  type: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
) => fetch(it.address + path, { method: 'POST', headers: { 'content-type': type, 'x-api-key': key, ...headers }, body })
const request = toBinary(ResolveBooleanRequestSchema, create(ResolveBooleanRequestSchema, { flagKey: 'on' }))
const JSON_TYPE = 'application/json'

test('Connect answers JSON with every field, and accepts unknown ones', async () => {
  const response = await post(RESOLVE, JSON_TYPE, '{"flagKey":"on","context":{"a":1},"more":true}')
  assert.equal(response.status, 200)
  assert.deepEqual(await response.json(), { value: true, reason: 'STATIC', variant: 'on', metadata: {} })
})

test('Connect answers protobuf, even for a compressed request', async () => {
  for (const [body, headers] of [
    [request, {}],
    [gzipSync(request), { 'content-encoding': 'gzip' }],
  ] as const) {
    const response = await post(RESOLVE, 'application/proto', new Uint8Array(body), headers)
    const answer = fromBinary(ResolveBooleanResponseSchema, new Uint8Array(await response.arrayBuffer()))
    assert.equal(answer.value, true)
  }
})

for (const [what, status, code, body, headers] of [
  ['an unknown flag', 404, 'not_found', '{"flagKey":"none"}', {}],
  ['no key', 401, 'unauthenticated', '{}', { 'x-api-key': '' }],
  ['text that is not JSON', 400, 'invalid_argument', '{', {}],
  ['a wrong selector', 400, 'invalid_argument', '{"flagKey":"on"}', { 'flagd-selector': 'x=y' }],
  ['a body that is too long', 429, 'resource_exhausted', JSON.stringify({ flagKey: 'x'.repeat(3_000) }), {}],
  ['a body that is not gzip', 400, 'invalid_argument', '{"flagKey":"on"}', { 'content-encoding': 'gzip' }],
  ['an empty body as gzip', 400, 'invalid_argument', '', { 'content-encoding': 'gzip' }],
  ['an unsupported encoding', 501, 'unimplemented', '{}', { 'content-encoding': 'br' }],
] as const)
  test(`Connect answers ${what} with ${status} ${code}`, async () => {
    const response = await post(RESOLVE, JSON_TYPE, body, headers)
    const answer: any = await response.json()
    assert.deepEqual([response.status, answer.code], [status, code])
  })

test('Connect refuses a small body that decompresses to a long one', async () => {
  const body = new Uint8Array(gzipSync(JSON.stringify({ flagKey: 'x'.repeat(1_000_000) })))
  const response = await post(RESOLVE, JSON_TYPE, body, { 'content-encoding': 'gzip' })
  assert.equal(response.status, 429)
})

test('Connect answers a call without Content-Length, and reads no more of it than of others', async () => {
  const answerTo = async (message: object) => {
    const body = new Blob([JSON.stringify(message)]).stream()
    const headers = { 'content-type': JSON_TYPE, 'x-api-key': key }
    const response = await fetch(it.address + RESOLVE, { method: 'POST', headers, body, duplex: 'half' } as RequestInit)
    return response.status
  }
  assert.equal(await answerTo({ flagKey: 'on' }), 200)
  assert.equal(await answerTo({ flagKey: 'x'.repeat(3_000) }), 429)
})

test('a request that is not a call is 404, 405 or 415', async () => {
  assert.equal((await post('/flagd.evaluation.v1.Service/None', JSON_TYPE, '{}')).status, 404)
  assert.equal((await post('/flagd.evaluation.v9.Service/ResolveBoolean', JSON_TYPE, '{}')).status, 404)
  assert.equal((await fetch(it.address + RESOLVE)).status, 405)
  assert.equal((await post(RESOLVE, 'text/plain', '{}')).status, 415)
})

test('a web page of another origin may call', async () => {
  const preflight = await fetch(it.address + RESOLVE, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://app.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type,connect-protocol-version,x-api-key',
    },
  })
  assert.equal(preflight.headers.get('access-control-allow-origin'), '*')
  assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /connect-protocol-version/)
  const response = await post(RESOLVE, JSON_TYPE, '{"flagKey":"on"}', { origin: 'https://app.example' })
  assert.equal(response.headers.get('access-control-allow-origin'), '*')
})

/** The frames of a body: flags and bytes. */
async function framesOf(response: Response): Promise<[number, Buffer][]> {
  const body = Buffer.from(await response.arrayBuffer())
  const frames: [number, Buffer][] = []
  for (let at = 0; at < body.byteLength; at += 5 + body.readUInt32BE(at + 1))
    frames.push([body[at] ?? 0, body.subarray(at + 5, at + 5 + body.readUInt32BE(at + 1))])
  return frames
}

test('gRPC-Web ends with its trailers in a frame, even for an error', async () => {
  const [message, end] = await framesOf(
    await post(RESOLVE, 'application/grpc-web+proto', new Uint8Array(frame(request))),
  )
  assert.equal(message && fromBinary(ResolveBooleanResponseSchema, message[1]).value, true)
  assert.equal(end?.[0], 0x80)
  assert.match(String(end?.[1]), /grpc-status: 0/i)
  const none = toBinary(ResolveBooleanRequestSchema, create(ResolveBooleanRequestSchema, { flagKey: 'none' }))
  const refused = await post(RESOLVE, 'application/grpc-web+proto', new Uint8Array(frame(none)))
  const status =
    refused.headers.get('grpc-status') ?? /grpc-status: (\d+)/i.exec(String((await framesOf(refused)).at(-1)?.[1]))?.[1]
  assert.equal(status, '5')
})

test('a Connect stream sends JSON in frames, and ends with a frame that contains the status', async () => {
  const body = new Uint8Array(frame(Buffer.from('{}')))
  const response = await post(EVENTS, 'application/connect+json', body, { 'connect-timeout-ms': '300' })
  assert.equal(response.status, 200)
  const [first, end] = await framesOf(response)
  assert.deepEqual(JSON.parse(String(first?.[1])).type, 'provider_ready')
  assert.equal(end?.[0], 2)
  assert.equal(JSON.parse(String(end?.[1])).error.code, 'deadline_exceeded')
})
