import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import http2, { type IncomingHttpHeaders } from 'node:http2'
import { after, before, beforeEach, test } from 'node:test'
import { setImmediate as endOfTurn } from 'node:timers/promises'
import { Code, ConnectError, createClient } from '@connectrpc/connect'
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-node'
import { Service } from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { Health } from '../../src/grpc/gen/grpc/health/v1/health_pb.js'
import { overload } from '../../src/server/overload.ts'
import { type Listening, openListening } from '../support/listening.ts'
import { samplesIn } from '../support/metrics.ts'

const SINGLE = '/ofrep/v1/evaluate/flags/on'
const BULK = '/ofrep/v1/evaluate/flags'
const PROBES = ['/livez', '/readyz', '/startupz', '/health', '/ready', '/metrics']
const DETAIL = 'The server is at its concurrency limit; retry'

let it: Listening
let key = ''
before(async () => {
  it = await openListening({ requestsMax: 1 })
  const place = await it.environment('busy')
  key = place.clientKey
  const on = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
  await it.service.call('PUT', `${place.path}/flags/on`, { body: on })
})
after(() => it.close())

/** Runs `work` while one request is in progress, which reaches the limit. */
async function whileFull<T>(work: () => Promise<T>): Promise<T> {
  it.service.load.begin()
  try {
    return await work()
  } finally {
    it.service.load.end()
    await endOfTurn() // it is counted until then
  }
}
beforeEach(() => assert.equal(it.service.load.size, 0, 'nothing is left under way'))

type Answer = { status: number; headers: IncomingHttpHeaders; body: string }
type Sent = { method?: string; headers?: Record<string, string>; body?: string }
type Send = (path: string, sent?: Sent) => Promise<Answer>

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
after(() => agent.destroy())
const overHttp1: Send = async (path, { method = 'POST', headers = {}, body = '{}' } = {}) => {
  const request = http.request(it.address + path, { method, agent, headers: { 'x-api-key': key, ...headers } })
  request.end(method === 'GET' ? undefined : body)
  const [response]: http.IncomingMessage[] = await once(request, 'response')
  assert.ok(response)
  let text = ''
  for await (const part of response) text += part
  return { status: response.statusCode ?? 0, headers: response.headers, body: text }
}

let session: http2.ClientHttp2Session | undefined
after(() => session?.destroy())
const overHttp2: Send = async (path, { method = 'POST', headers = {}, body = '{}' } = {}) => {
  session ??= http2.connect(`http://127.0.0.1:${it.grpcPort}`)
  const stream = session.request({ ':method': method, ':path': path, 'x-api-key': key, ...headers })
  stream.end(method === 'GET' ? undefined : body)
  const [head]: IncomingHttpHeaders[] = await once(stream, 'response')
  assert.ok(head)
  let text = ''
  for await (const part of stream) text += part
  return { status: Number(head[':status']), headers: head, body: text }
}

for (const [version, send] of [
  ['HTTP/1.1', overHttp1],
  ['HTTP/2', overHttp2],
] as const) {
  for (const [what, path, body] of [
    ['evaluation of a flag', SINGLE, { key: 'on', errorCode: 'GENERAL', errorDetails: DETAIL }],
    [
      'evaluation of a flag with a hard name',
      `${BULK}/a%2Fb?x`,
      { key: 'a/b', errorCode: 'GENERAL', errorDetails: DETAIL },
    ],
    ['evaluation of all', BULK, { errorCode: 'GENERAL', errorDetails: DETAIL }],
  ] as const)
    test(`over ${version} the ${what} is refused with an OFREP error, which pages may read`, async () => {
      const answer = await whileFull(() => send(path, { headers: { 'content-type': 'application/json' } }))
      assert.equal(answer.status, 503)
      assert.deepEqual(JSON.parse(answer.body), body)
      assert.equal(answer.headers['content-type'], 'application/json')
      assert.equal(answer.headers['retry-after'], '1')
      assert.equal(answer.headers['cache-control'], 'no-store')
      assert.equal(answer.headers['access-control-allow-origin'], '*')
      assert.match(answer.headers['access-control-expose-headers'] ?? '', /Retry-After/)
    })

  test(`over ${version} the management API refuses with a problem document of the caller's trace`, async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` }
    const answer = await whileFull(() => send('/api/v1/projects?x=/livez', { headers }))
    assert.equal(answer.status, 503)
    assert.equal(answer.headers['content-type'], 'application/problem+json')
    assert.equal(answer.headers['retry-after'], '1')
    const { title, status, code, detail, traceId: sent } = JSON.parse(answer.body)
    assert.deepEqual([title, status, code, detail, sent], ['Service Unavailable', 503, 'unavailable', DETAIL, traceId])
  })

  for (const probe of PROBES)
    test(`over ${version} ${probe} is answered meanwhile`, async () => {
      assert.equal((await whileFull(() => send(probe, { method: 'GET' }))).status, 200)
    })

  test(`over ${version} a connection stays open after a refusal with an unread body`, async () => {
    const body = JSON.stringify({ context: { targetingKey: 'x'.repeat(200_000) } })
    for (let n = 0; n < 20; n += 1) {
      assert.equal((await whileFull(() => send(SINGLE, { body }))).status, 503)
      assert.equal((await send(SINGLE, { body })).status, 200)
    }
  })
}

for (const [name, transport] of [
  [
    'Connect in JSON',
    () => createConnectTransport({ baseUrl: it.address, httpVersion: '1.1', useBinaryFormat: false }),
  ],
  ['Connect', () => createConnectTransport({ baseUrl: it.address, httpVersion: '1.1' })],
  ['Connect by GET', () => createConnectTransport({ baseUrl: it.address, httpVersion: '1.1', useHttpGet: true })],
  ['gRPC-Web', () => createGrpcWebTransport({ baseUrl: it.address, httpVersion: '1.1' })],
  [
    'gRPC-Web over HTTP/2',
    () => createGrpcWebTransport({ baseUrl: `http://127.0.0.1:${it.grpcPort}`, httpVersion: '2' }),
  ],
] as const) {
  const isRefused = (error: unknown) => {
    assert.ok(error instanceof ConnectError)
    assert.deepEqual([error.code, error.rawMessage], [Code.Unavailable, DETAIL])
    assert.equal(error.metadata.get('retry-after'), '1')
    return true
  }
  test(`the protocol's client reports a refusal over ${name}`, async () => {
    const client = createClient(Service, transport())
    const headers = { 'x-api-key': key }
    const call = () => client.resolveBoolean({ flagKey: 'on' }, { headers })
    await whileFull(() => assert.rejects(call, isRefused))
    assert.equal((await call()).value, true)
  })

  test(`the protocol's client reports the refusal of a stream over ${name}`, async () => {
    const client = createClient(Service, transport())
    const read = async () => {
      for await (const _ of client.eventStream({}, { headers: { 'x-api-key': key } })) return
    }
    await whileFull(() => assert.rejects(read, isRefused))
    await read()
  })

  test(`health is answered over ${name} meanwhile`, async () => {
    const { status } = await whileFull(() => createClient(Health, transport()).check({}))
    assert.equal(status, 1)
  })
}

test('gRPC refuses calls and streams with UNAVAILABLE, answers health meanwhile, and serves calls afterwards', async () => {
  const client = it.client({ key })
  const refused = { status: 14, details: DETAIL }
  await whileFull(async () => {
    assert.deepEqual(await client.call(Service, 'resolveBoolean', { flagKey: 'on' }), refused)
    assert.deepEqual(await client.open(Service, 'eventStream', {}).ended(), refused)
    assert.equal((await client.call(Health, 'check', {})).message?.status, 1)
  })
  for (let n = 0; n < 100; n += 1)
    assert.equal((await client.call(Service, 'resolveBoolean', { flagKey: 'on' })).message?.value, true)
})

test('open streams are not counted as requests in progress', async () => {
  const client = it.client({ key })
  const streams = Array.from({ length: 5 }, () => client.open(Service, 'eventStream', {}))
  for (const stream of streams) assert.equal((await stream.next()).type, 'provider_ready')
  const response = await fetch(`${it.address}/ofrep/v1/sse/`, { headers: { 'x-api-key': key } })
  assert.equal(response.status, 200)
  assert.equal(it.service.load.size, 0)
  await response.body?.cancel()
  for (const stream of streams) stream.cancel()
})

test('refusals are counted, and requests in progress are a gauge', async () => {
  const scrape = async () => samplesIn((await overHttp1('/metrics', { method: 'GET' })).body)
  const shed = 'flagstaff_shed_total{reason="concurrency"}'
  const before = (await scrape()).get(shed) ?? 0
  await whileFull(async () => {
    await overHttp1(SINGLE)
    await overHttp2('/api/v1/keys')
    await it.client({ key }).call(Service, 'resolveBoolean', { flagKey: 'on' })
  })
  const samples = await scrape()
  assert.equal(samples.get(shed), before + 3)
  assert.equal(samples.get('flagstaff_requests_in_flight'), 1, 'the scrape itself')
})

const requestOf = (url: string, headers: Record<string, string> = {}) => new Request(url, { headers })

test('overload() allows an origin that may read the response, and no other', () => {
  const refuse = overload({ services: [], corsOrigins: ['https://app.example'] })
  const headersFor = (origin: string | null) =>
    refuse(requestOf(`http://host${SINGLE}`, { ...(origin !== null && { origin }) }))?.headers
  assert.equal(headersFor('https://app.example')?.get('access-control-allow-origin'), 'https://app.example')
  assert.equal(headersFor('https://app.example')?.get('vary'), 'Origin')
  for (const origin of ['https://other.example', null]) {
    assert.equal(headersFor(origin)?.get('access-control-allow-origin'), null)
    assert.equal(headersFor(origin)?.get('vary'), 'Origin')
  }
})

for (const url of [
  'http://host/livez',
  'http://host/livez?a=b',
  'https://host:1/livez#a',
  'http://host/grpc.health.v1.Health/Check',
])
  test(`overload() exempts ${url}`, () =>
    assert.equal(overload({ services: [], corsOrigins: undefined })(requestOf(url)), undefined))

for (const url of [
  'http://host',
  'http://host/livez/',
  'http://host/x?/livez',
  'http://livez',
  'http://host?/livez',
  'http://host/%6civez',
])
  test(`overload() refuses "${url}"`, () =>
    assert.equal(overload({ services: [], corsOrigins: undefined })(requestOf(url))?.status, 503))
