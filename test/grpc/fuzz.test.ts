import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { ResolveBooleanRequestSchema } from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { frame, H2Client } from '../support/h2.ts'
import { type Listening, openListening } from '../support/listening.ts'

const RUNS = 150
const SEED = 20_261_123

let it: Listening
let key = ''
const unexpected: unknown[] = []
before(async () => {
  const log = (message: string, fields?: object) => {
    if (message === 'Unexpected error') unexpected.push(fields)
  }
  it = await openListening({ rpc: { log, streamSecondsMax: 0.05 }, dependencies: { log } })
  const place = await it.environment('fuzz')
  key = place.serverKey
  const on = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
  await it.service.call('PUT', `${place.path}/flags/on`, { body: on })
})
after(() => it.close())

const message = (context: object) =>
  toBinary(
    ResolveBooleanRequestSchema,
    create(ResolveBooleanRequestSchema, { flagKey: 'on', context: context as never }),
  )

const METHODS = [
  'ResolveBoolean',
  'ResolveInt',
  'ResolveObject',
  'ResolveAll',
  'EventStream',
  'None',
  '',
  '%ff',
  '../x',
]
const SERVICES = [
  'flagd.evaluation.v1.Service',
  'flagd.evaluation.v2.Service',
  'schema.v1.Service',
  'flagd.sync.v1.FlagSyncService',
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'x',
]
const rpcPath = fc
  .tuple(fc.constantFrom(...SERVICES), fc.constantFrom(...METHODS, 'SyncFlags', 'Watch', 'ServerReflectionInfo'))
  .map(([service, method]) => `/${service}/${method}`)
const webPath = fc.oneof(
  rpcPath,
  fc.constantFrom(
    '/ofrep/v1/evaluate/flags',
    '/ofrep/v1/evaluate/flags/on',
    '/ofrep/v1/evaluate/flags/%',
    '/v1/flags',
    '/v1/flags/%e0%a4%a',
    '/ofrep/v1/sse/x',
  ),
)
const type = fc.constantFrom(
  'application/grpc',
  'application/grpc+proto',
  'application/grpc-web',
  'application/grpc-web+json',
  'application/proto',
  'application/json',
  'application/connect+json',
  'application/connect+proto',
  'text/plain',
  'application/grpc;x',
  '',
)
const good = message({ targetingKey: 'a' })
/** A valid message, of which some bytes are changed. */
const mutated = fc.array(fc.tuple(fc.nat(good.byteLength - 1), fc.nat(255)), { maxLength: 4 }).map((changes) => {
  const bytes = Uint8Array.from(good)
  for (const [at, byte] of changes) bytes[at] = byte
  return bytes
})
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  mutated,
  fc.json().map((json) => new TextEncoder().encode(json)),
)
const body = fc.oneof(
  bytes,
  fc.tuple(bytes, fc.constantFrom(0, 0, 0, 1, 2, 128, 255)).map(([content, flags]) => frame(content, flags)),
)
const extra = fc.constantFrom<Record<string, string>>(
  {},
  { 'grpc-timeout': '1m' },
  { 'grpc-timeout': 'x' },
  { 'grpc-encoding': 'gzip' },
  { 'content-encoding': 'gzip' },
  { 'flagd-selector': 'a,b' },
  { 'connect-timeout-ms': '10' },
  { 'connect-protocol-version': '2' },
)

async function lives(): Promise<void> {
  const client = new H2Client(`http://127.0.0.1:${it.grpcPort}`)
  const path = '/flagd.evaluation.v2.Service/ResolveBoolean'
  const { status } = await client.send({ ':path': path, 'x-api-key': key }, [frame(good)])
  client.close()
  assert.equal(status, 0)
  assert.deepEqual(unexpected, [])
}

test('no bytes over HTTP/2 make the server hang, crash or report an unexpected error', async () => {
  const client = new H2Client(`http://127.0.0.1:${it.grpcPort}`)
  const call = fc.record({ path: rpcPath, type, chunks: fc.array(body, { maxLength: 3 }), extra })
  await fc.assert(
    fc.asyncProperty(call, async ({ path, type: contentType, chunks, extra: headers }) => {
      const given = { ':path': path, 'content-type': contentType, 'x-api-key': key, ...headers }
      const { headers: head } = await client.send(given, chunks)
      assert.notEqual(head[':status'], 500)
      assert.deepEqual(unexpected, [])
    }),
    { numRuns: RUNS, seed: SEED },
  )
  client.close()
  await lives()
})

test('no bytes over HTTP/1.1 make the server hang, crash or report an unexpected error', async () => {
  const call = fc.record({ path: webPath, type, content: body, extra, method: fc.constantFrom('POST', 'POST', 'PUT') })
  await fc.assert(
    fc.asyncProperty(call, async ({ path, type: contentType, content, extra: headers, method }) => {
      const response = await fetch(it.address + path, {
        method,
        headers: { 'content-type': contentType, 'x-api-key': key, ...headers },
        body: new Uint8Array(content),
        signal: AbortSignal.timeout(5_000),
      })
      await response.arrayBuffer()
      // Connect sends "internal" as 500, for example for a body that cannot be decompressed.
      const isTold = response.headers.get('content-type')?.includes('json') && path.includes('.v')
      if (!isTold) assert.notEqual(response.status, 500)
      assert.deepEqual(unexpected, [])
    }),
    { numRuns: RUNS, seed: SEED },
  )
  await lives()
})

for (const depth of [90, 1_000, 10_000])
  test(`a context that nests ${depth} levels deep is answered or refused, over every protocol`, async () => {
    const text = `${'{"a":'.repeat(depth)}{}${'}'.repeat(depth)}`
    for (const [path, content] of [
      ['/flagd.evaluation.v2.Service/ResolveBoolean', `{"flagKey":"on","context":${text}}`],
      ['/ofrep/v1/evaluate/flags/on', `{"context":${text}}`],
    ] as const) {
      const headers = { 'content-type': 'application/json', 'x-api-key': key }
      const response = await fetch(it.address + path, { method: 'POST', headers, body: content })
      await response.text()
      assert.ok(response.status === 200 || response.status === 400, `${path} answers ${response.status}`)
    }
    const client = new H2Client(`http://127.0.0.1:${it.grpcPort}`)
    const path = '/flagd.evaluation.v2.Service/ResolveBoolean'
    const { status } = await client.send({ ':path': path, 'x-api-key': key }, [frame(deepMessage(depth))])
    client.close()
    assert.ok(status === 0 || status === 3, `gRPC answers ${status}`)
    await lives()
  })

/** Written from the inside out, because protobuf-es would need as much stack as the server. */
function deepMessage(depth: number): Uint8Array {
  const field = (number: number, bytes: Uint8Array) =>
    Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.byteLength), bytes])
  const entry = (value: Uint8Array) => field(1, Buffer.concat([field(1, Buffer.from('a')), field(2, value)]))
  let struct: Uint8Array = new Uint8Array()
  for (let level = 0; level < depth; level++) struct = entry(field(5, struct))
  return Buffer.concat([field(1, Buffer.from('on')), field(2, struct)])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
  return Buffer.from([...bytes, rest])
}

test('names of object members in a context remain data', async () => {
  const context = JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}')
  const client = new H2Client(`http://127.0.0.1:${it.grpcPort}`)
  const path = '/flagd.evaluation.v2.Service/ResolveBoolean'
  const { status } = await client.send({ ':path': path, 'x-api-key': key }, [frame(message(context))])
  client.close()
  assert.equal(status, 0)
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
})
