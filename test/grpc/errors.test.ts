import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { FlagdProvider } from '@openfeature/flagd-provider'
import { type EvaluationDetails, OpenFeature } from '@openfeature/server-sdk'
import { ResolveBooleanRequestSchema } from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { frame } from '../support/h2.ts'
import { type Listening, openListening } from '../support/listening.ts'
import { Flag, headerBlock, RawH2, rawFrame, Type } from '../support/raw-h2.ts'

const RESOLVE = '/flagd.evaluation.v2.Service/ResolveBoolean'
const EVENTS = '/flagd.evaluation.v2.Service/EventStream'
const SYNC = '/flagd.sync.v1.FlagSyncService/SyncFlags'
const REFLECTION = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'
/** A client that retries would take longer; flagd itself responds in about 3 ms. */
const ANSWER_MS = 200

let it: Listening
let ended: Listening
let key = ''
before(async () => {
  it = await openListening({ rpc: { bodyBytesMax: 2_000 } })
  ended = await openListening({ store: it.service.store })
  ended.service.rpc.endStreams()
  const place = await it.environment('errors')
  key = place.clientKey
  const flag = (more: object) => ({ state: 'ENABLED', variants: { a: true, b: false }, defaultVariant: 'a', ...more })
  const flags = {
    text: flag({ variants: { a: 'text' } }),
    unparsable: flag({ targeting: { no_such_operator: [] } }),
    'no-variant': flag({ targeting: { if: [true, 'missing'] } }),
  }
  const answer = await it.service.call('PUT', `${place.path}/flagset?strict=false`, { body: { flags } })
  assert.equal(answer.status, 200, answer.text)
})
after(async () => {
  await ended.close()
  await it.close()
})

const resolve = (request: MessageInitShape<typeof ResolveBooleanRequestSchema>) =>
  frame(toBinary(ResolveBooleanRequestSchema, create(ResolveBooleanRequestSchema, request)))
const EMPTY = frame(new Uint8Array())
/** Above the limit only after decompression. */
const COMPRESSED = frame(gzipSync(resolve({ flagKey: 'x'.repeat(3_000) }).subarray(5)), 1)

/**
 * Frames of the response to one call: "H" for headers, "H$" if they also end the stream. Empty data is not counted, nor a reset after the
 * end (RFC 9113 §8.1), which may arrive with it.
 */
async function framesOf(port: number, path: string, body: Uint8Array, headers: Record<string, string> = {}) {
  const client = await RawH2.connect(port)
  const head = { ':method': 'POST', ':scheme': 'http', ':authority': 'localhost', ':path': path, te: 'trailers' }
  const block = headerBlock({ ...head, 'content-type': 'application/grpc', 'x-api-key': key, ...headers })
  client.socket.write(rawFrame(Type.headers, Flag.endHeaders, 1, block))
  client.socket.write(rawFrame(Type.data, Flag.endStream, 1, body))
  const last = await client.until(({ stream, flags, type }) => stream === 1 && isLast(type, flags))
  assert.ok(last, 'the connection closed')
  client.socket.destroy()
  return client.frames
    .filter(({ stream }) => stream === 1)
    .filter(({ type, payload }) => type === Type.headers || (type === Type.data && payload.byteLength > 0))
    .map(({ type, flags }) => (type === Type.headers ? `H${flags & Flag.endStream ? '$' : ''}` : 'D'))
    .join(' ')
}

const isLast = (type: number, flags: number) => type <= Type.headers && (flags & Flag.endStream) !== 0

for (const [status, what, path, body, headers] of [
  ['NOT_FOUND', 'a missing flag', RESOLVE, resolve({ flagKey: 'none' }), {}],
  ['NOT_FOUND', 'another environment', RESOLVE, resolve({}), { 'flagd-selector': 'flagSetId=a/b' }],
  ['INVALID_ARGUMENT', 'a type mismatch', RESOLVE, resolve({ flagKey: 'text' }), {}],
  ['INVALID_ARGUMENT', 'a wrong selector', EVENTS, EMPTY, { 'flagd-selector': 'x=y' }],
  ['INVALID_ARGUMENT', 'bytes that are not a message', RESOLVE, frame(Buffer.from([0x0a, 0xff, 0xff, 0xff])), {}],
  ['RESOURCE_EXHAUSTED', 'a message that is too long', RESOLVE, resolve({ flagKey: 'x'.repeat(3_000) }), {}],
  ['RESOURCE_EXHAUSTED', 'a message that is too long after gzip', RESOLVE, COMPRESSED, { 'grpc-encoding': 'gzip' }],
  ['DATA_LOSS', 'a parse error', RESOLVE, resolve({ flagKey: 'unparsable' }), {}],
  ['UNKNOWN', 'a rule that names a missing variant', RESOLVE, resolve({ flagKey: 'no-variant' }), {}],
] as const)
  test(`${status}, for ${what}, sends headers before its trailers`, async () => {
    assert.equal(await framesOf(it.grpcPort, path, body, headers), 'H H$')
  })

for (const [status, what, path, body, headers] of [
  ['UNAUTHENTICATED', 'an unknown key', RESOLVE, resolve({}), { 'x-api-key': 'fs_client_nobody' }],
  ['PERMISSION_DENIED', 'a key with a smaller role', SYNC, EMPTY, {}],
  ['UNIMPLEMENTED', 'an unknown method', '/no.such/Method', EMPTY, {}],
  ['INTERNAL', 'unknown flags in a stream of requests', REFLECTION, frame(new Uint8Array(), 226), {}],
  ['INTERNAL', 'half a message', RESOLVE, resolve({ flagKey: 'text' }).subarray(0, 7), {}],
] as const)
  test(`${status}, for ${what}, is Trailers-Only`, async () => {
    assert.equal(await framesOf(it.grpcPort, path, body, headers), 'H$')
  })

test('UNAVAILABLE, of a replica that is shutting down, is Trailers-Only', async () => {
  assert.equal(await framesOf(ended.grpcPort, EVENTS, EMPTY), 'H$')
})

/** The retry policy of flagd's providers, with a delay that is long enough to be detected. */
const SERVICE_CONFIG = JSON.stringify({
  methodConfig: [
    {
      name: [{ service: 'flagd.evaluation.v2.Service' }],
      retryPolicy: {
        maxAttempts: 3,
        initialBackoff: '5s',
        maxBackoff: '5s',
        backoffMultiplier: 1,
        retryableStatusCodes: [
          'UNKNOWN',
          'INVALID_ARGUMENT',
          'NOT_FOUND',
          'DATA_LOSS',
          'RESOURCE_EXHAUSTED',
          'UNAVAILABLE',
        ],
      },
    },
  ],
})

test('grpc-js with a retry policy reports each final error without a retry', async (t) => {
  const options = { 'grpc.service_config': SERVICE_CONFIG, 'grpc.use_local_subchannel_pool': 1 }
  const client = new Client(`127.0.0.1:${it.grpcPort}`, credentials.createInsecure(), options)
  t.after(() => client.close())
  const metadata = new Metadata()
  metadata.set('x-api-key', key)
  const write = (flagKey: string) => resolve({ flagKey }).subarray(5)
  const codeOf = (flagKey: string) =>
    new Promise<number | undefined>((done) =>
      client.makeUnaryRequest(
        RESOLVE,
        write,
        (bytes) => bytes,
        flagKey,
        metadata,
        {},
        (error: ServiceError | null) => done(error?.code),
      ),
    )
  await codeOf('none') // connects
  for (const [flagKey, code] of [
    ['none', 5],
    ['text', 3],
    ['unparsable', 15],
    ['no-variant', 2],
    ['x'.repeat(3_000), 8],
  ] as const) {
    const start = performance.now()
    assert.equal(await codeOf(flagKey), code, flagKey)
    assert.ok(performance.now() - start < ANSWER_MS, `${flagKey} took ${performance.now() - start} ms`)
  }
})

test("flagd's published provider reports each error with its code, without a retry", async (t) => {
  t.after(() => OpenFeature.close())
  const place = { host: '127.0.0.1', port: it.grpcPort, defaultAuthority: `${key}.flags.example` }
  await OpenFeature.setProviderAndWait(
    'errors',
    new FlagdProvider({ ...place, resolverType: 'rpc', cache: 'disabled' }),
  )
  const client = OpenFeature.getClient('errors')
  for (const [flagKey, code] of [
    ['none', 'FLAG_NOT_FOUND'],
    ['text', 'TYPE_MISMATCH'],
    ['unparsable', 'PARSE_ERROR'],
    ['no-variant', 'GENERAL'],
  ] as const) {
    const start = performance.now()
    const details: EvaluationDetails<boolean> = await client.getBooleanDetails(flagKey, false)
    assert.equal(details.errorCode, code, flagKey)
    assert.ok(performance.now() - start < ANSWER_MS, `${flagKey} took ${performance.now() - start} ms`)
  }
})
