import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Tracer } from '../../src/telemetry/tracer.ts'
import { type Listening, openListening } from '../support/listening.ts'
import { samplesIn } from '../support/metrics.ts'

const BODY_BYTES_MAX = 2_000
const ORIGIN = 'https://app.example'
const TRACE_ID = 'a'.repeat(32)

let it: Listening
let key = ''
before(async () => {
  const dependencies = { corsOrigins: [ORIGIN] }
  const tracer = new Tracer({ sampling: { ratio: 0, followsParent: true } })
  it = await openListening({ rpc: { bodyBytesMax: BODY_BYTES_MAX }, dependencies, tracer })
  const place = await it.environment('json')
  key = place.clientKey
  const flag = (variants: object, over: object = {}) => ({ state: 'ENABLED', variants, defaultVariant: 'a', ...over })
  const flags = {
    on: flag({ a: true }),
    text: flag({ a: 'ż"\\u2028' }),
    whole: flag({ a: 9_007_199_254_740_991 }),
    broken: flag({ a: 1.5 }),
    object: flag({ a: { deep: [1, null, { b: 'c' }] } }),
    off: flag({ a: true }, { state: 'DISABLED' }),
    bare: { state: 'ENABLED', variants: { a: true } },
    annotated: flag({ a: true }, { metadata: { owner: 'team', level: 3, isOld: false } }),
    ruled: flag({ a: true, b: false }, { targeting: { if: [{ '==': [{ var: 'who' }, 'ada'] }, 'a', 'b'] } }),
    wrong: flag({ a: true }, { targeting: { if: [true, 'none'] } }),
  }
  const { status, text } = await it.service.call('PUT', `${place.path}/flagset`, { body: { flags } })
  assert.equal(status, 200, text)
})
after(() => it.close())

const SERVICES = ['flagd.evaluation.v1.Service', 'flagd.evaluation.v2.Service']
type Sent = { readonly path: string; readonly body: string; readonly headers?: Record<string, string> }

async function answerTo({ path, body, headers = {} }: Sent) {
  const response = await fetch(it.address + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
    body,
  })
  return { status: response.status, headers: new Map(response.headers), body: await response.text() }
}

const CONTEXT = { who: 'ada', deep: { list: [1, 'a', null] }, __proto__: { no: 1 } }
for (const service of SERVICES)
  for (const type of ['Boolean', 'String', 'Int', 'Float', 'Object'])
    test(`${service}/Resolve${type} answers in JSON`, async () => {
      const path = `/${service}/Resolve${type}`
      const statuses = new Set<number>()
      for (const flagKey of [
        'on',
        'text',
        'whole',
        'broken',
        'object',
        'off',
        'bare',
        'annotated',
        'ruled',
        'wrong',
        'none',
        '',
      ])
        statuses.add((await answerTo({ path, body: JSON.stringify({ flagKey, context: CONTEXT }) })).status)
      assert.ok(statuses.has(200) && statuses.has(400) && statuses.has(404), [...statuses].join())
    })

const [, service = ''] = SERVICES
const PATH = `/${service}/ResolveBoolean`
for (const [what, status, sent] of [
  ['no body', 400, { body: '' }],
  ['an empty message', 404, { body: '{}' }],
  ['text that is not JSON', 400, { body: '{"flagKey":' }],
  ['a list', 400, { body: '[]' }],
  ['null', 400, { body: 'null' }],
  ['a key that is not a string', 400, { body: '{"flagKey":1}' }],
  ['a context that is not an object', 400, { body: '{"flagKey":"on","context":[]}' }],
  ['the name of the field in the .proto', 200, { body: '{"flag_key":"on"}' }],
  ['an unknown field', 200, { body: '{"flagKey":"on","more":1}' }],
  ['__proto__ in a context', 200, { body: '{"flagKey":"on","context":{"__proto__":{"who":"ada"}}}' }],
  ['a byte order mark', 200, { body: '\ufeff{"flagKey":"on"}' }],
  ['a charset', 200, { body: '{"flagKey":"on"}', headers: { 'content-type': 'Application/JSON; charset=utf-8' } }],
  [
    'another charset',
    415,
    { body: '{"flagKey":"on"}', headers: { 'content-type': 'application/json; charset=latin1' } },
  ],
  ['another version of the protocol', 200, { body: '{"flagKey":"on"}', headers: { 'connect-protocol-version': '2' } }],
  ['no key', 401, { body: '{"flagKey":"on"}', headers: { authorization: '' } }],
  ['a wrong key', 401, { body: '{"flagKey":"on"}', headers: { authorization: 'Bearer wrong' } }],
  ['a selector', 200, { body: '{"flagKey":"on"}', headers: { 'flagd-selector': 'flagSetId=json/test' } }],
  [
    'a selector of another environment',
    404,
    { body: '{"flagKey":"on"}', headers: { 'flagd-selector': 'flagSetId=x/y' } },
  ],
  ['an invalid selector', 400, { body: '{"flagKey":"on"}', headers: { 'flagd-selector': 'x=y' } }],
  ['a body that is too large', 429, { body: JSON.stringify({ flagKey: 'x'.repeat(BODY_BYTES_MAX) }) }],
  ['an allowed origin', 200, { body: '{"flagKey":"on"}', headers: { origin: ORIGIN } }],
  ['an origin that is not allowed', 200, { body: '{"flagKey":"on"}', headers: { origin: 'https://other.example' } }],
] as const)
  test(`a call with ${what} is answered ${status}`, async () => {
    assert.equal((await answerTo({ path: PATH, ...sent })).status, status)
  })

test('a body that is not UTF-8 is refused', async () => {
  const body = new Uint8Array(Buffer.from('{"flagKey":"\xff"}', 'latin1'))
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  const response = await fetch(it.address + PATH, { method: 'POST', headers, body })
  const { code } = (await response.json()) as { code: string }
  assert.deepEqual([response.status, code], [400, 'invalid_argument'])
})

test('a client that disconnects in the middle of its message causes no log line', async () => {
  const logged: unknown[] = []
  const left = await openListening({ store: it.service.store, rpc: { log: (message) => logged.push(message) } })
  const socket = net.connect(left.server.port, '127.0.0.1')
  socket.write(
    `POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"flagKey"`,
  )
  await once(socket, 'connect')
  socket.end()
  await once(socket.resume(), 'close')
  assert.deepEqual(logged, [])
  await left.server.close()
})

test('an internal error is logged once and its text is sent to no client', async () => {
  const logged: unknown[] = []
  const broken = await openListening({
    store: it.service.store,
    rpc: {
      current: () => {
        throw new Error('secret')
      },
      log: (message, fields) => logged.push([message, fields?.['method'], String(fields?.['error'])]),
    },
  })
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  const response = await fetch(broken.address + PATH, { method: 'POST', headers, body: '{"flagKey":"on"}' })
  assert.deepEqual([response.status, await response.json()], [500, { code: 'internal', message: 'Internal error' }])
  assert.deepEqual(logged, [['Unexpected error', PATH, 'Error: secret']])
  await broken.server.close()
})

test('a call is counted once as a request and once as a call, with its sampled span as exemplar', async () => {
  const counts = async () => {
    const samples = samplesIn((await it.service.call('GET', '/metrics')).text)
    const route = `/${service}/:method`
    return [
      samples.get(`http_request_duration_seconds_count{method="POST",route="${route}",status="200"}`) ?? 0,
      samples.get(`rpc_request_duration_seconds_count{method="${service}/ResolveBoolean",code="OK"}`) ?? 0,
    ]
  }
  const [requests = 0, called = 0] = await counts()
  const sent = { path: PATH, body: '{"flagKey":"on"}' }
  assert.equal((await answerTo(sent)).headers.get('traceresponse'), undefined)
  const traceparent = `00-${TRACE_ID}-${'b'.repeat(16)}-01`
  const traceresponse = (await answerTo({ ...sent, headers: { traceparent } })).headers.get('traceresponse')
  assert.match(traceresponse ?? '', new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-01$`))
  const refused = { ...sent, body: '{"flagKey":"none"}', headers: { traceparent } }
  assert.match((await answerTo(refused)).headers.get('traceresponse') ?? '', new RegExp(`^00-${TRACE_ID}-`))
  await answerTo({ ...sent, headers: { 'connect-timeout-ms': '60000' } })
  assert.deepEqual(await counts(), [requests + 3, called + 3])
})

test('a compressed call, or one of unknown length, is answered', async () => {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  const packed = new Uint8Array(gzipSync('{"flagKey":"on"}'))
  const answers = [
    await fetch(it.address + PATH, {
      method: 'POST',
      headers: { ...headers, 'content-encoding': 'gzip' },
      body: packed,
    }),
    await fetch(it.address + PATH, {
      method: 'POST',
      headers,
      body: new Blob(['{"flagKey":"on"}']).stream(),
      duplex: 'half',
    } as RequestInit),
  ]
  for (const answer of answers) assert.equal(((await answer.json()) as { value: unknown }).value, true)
})
