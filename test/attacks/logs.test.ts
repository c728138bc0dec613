import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { Service as Evaluation } from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { type Collector, startCollector } from '../support/collector.ts'
import { GrpcClient } from '../support/grpc.ts'
import { kill, type Running, startService } from '../support/process.ts'
import { RawH1 } from '../support/raw-h1.ts'
import { openStore, type Store } from '../support/store.ts'

// Secrets and forged lines in logs and traces (CWE-532, CWE-117). test/process/log.test.ts has keys, contexts, Redis and the collector.

const planted = (name: string) => `planted-${name}-${randomBytes(8).toString('hex')}`
const ADMIN_KEY = planted('admin')
const DATABASE_PASSWORD = planted('database')
const UPSTASH_TOKEN = planted('upstash')

let store: Store
let collector: Collector
let service: Running
let clientKey = ''
let cookie = ''
before(async () => {
  store = await openStore()
  collector = await startCollector()
  const database = new URL(store.url)
  database.password = DATABASE_PASSWORD
  service = await startService({
    DATABASE_URL: database.href,
    FLAGSTAFF_ADMIN_KEY: ADMIN_KEY,
    UPSTASH_REDIS_REST_URL: 'https://127.0.0.1:1',
    UPSTASH_REDIS_REST_TOKEN: UPSTASH_TOKEN,
    LOG_LEVEL: 'debug',
    FLAGSTAFF_ACCESS_LOG: 'all',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_TRACES_SAMPLER: 'always_on',
    OTEL_LOGS_EXPORTER: 'otlp',
    OTEL_BSP_SCHEDULE_DELAY: '100',
  })
  await send('POST', '/api/v1/projects', { body: { key: 'shop' } })
  await send('POST', '/api/v1/projects/shop/environments', { body: { key: 'test' } })
  const environment = { project: 'shop', environment: 'test' }
  const made = await send('POST', '/api/v1/keys', { body: { name: 'c', role: 'client', environment } })
  assert.equal(made.response.status, 201, made.text)
  clientKey = JSON.parse(made.text).secret
})
after(async () => {
  await kill(service)
  await collector.close()
  await store.close()
})

type Sent = { readonly key?: string | undefined; readonly body?: object; readonly headers?: Record<string, string> }
async function send(method: string, path: string, { key = ADMIN_KEY, body, headers }: Sent = {}) {
  const response = await fetch(service.address + path, {
    method,
    headers: {
      ...(key !== '' && { authorization: `Bearer ${key}` }),
      'content-type': 'application/json',
      ...headers,
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  return { response, text: await response.text() }
}

/** All that left the process: its output, and what the collector received. */
const everything = () =>
  service.output() + JSON.stringify([collector.spans, collector.records, collector.points, [...collector.json]], digits)
const digits = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)

/** Sends one request of exactly these bytes. */
async function sendRaw(text: string): Promise<void> {
  const connection = await RawH1.connect(Number(new URL(service.address).port))
  await connection.send(text).catch(() => undefined)
  connection.close()
}

test('no key, cookie, token or password is in a log line or a trace, wherever a client puts it', async () => {
  const secrets = [ADMIN_KEY, DATABASE_PASSWORD, UPSTASH_TOKEN, clientKey]
  const console = { 'x-flagstaff-console': '1', 'sec-fetch-site': 'same-origin' }
  const signedIn = await send('POST', '/console/session', { key: '', body: { key: ADMIN_KEY }, headers: console })
  cookie = signedIn.response.headers.get('set-cookie')?.split(';')[0] ?? ''
  assert.match(cookie, /^__Host-flagstaff=.{50}/)
  secrets.push(cookie.slice(cookie.indexOf('=') + 1))
  const wrong = (name: string) => {
    const text = planted(name)
    secrets.push(text)
    return text
  }
  await send('POST', '/console/session', { key: '', body: { key: wrong('sign-in') }, headers: console })
  for (const path of ['/api/v1/projects', '/console/session']) await send('GET', path, { key: '', headers: { cookie } })
  await send('GET', '/api/v1/projects', { key: '', headers: { cookie: `__Host-flagstaff=${wrong('cookie')}` } })
  for (const path of ['/api/v1/projects', '/ofrep/v1/evaluate/flags/a', '/v1/flags', '/nowhere', '/livez', '/console/'])
    for (const name of ['key', 'token', 'api_key', 'access_token'])
      await send(path.startsWith('/ofrep') ? 'POST' : 'GET', `${path}?${name}=${wrong('query')}`, {
        key: wrong('bearer'),
      })
  for (const headers of [
    { 'x-api-key': wrong('header') },
    { authorization: `Basic ${wrong('basic')}` },
    { authorization: `Digest ${wrong('digest')}` },
    { 'proxy-authorization': wrong('proxy') },
    { 'x-forwarded-access-token': wrong('forwarded') },
    { referer: `http://a/?key=${wrong('referer')}` },
    { tracestate: `k=${wrong('tracestate')}` },
    { baggage: `k=${wrong('baggage')}` },
  ])
    for (const path of ['/api/v1/projects', '/ofrep/v1/evaluate/flags/a'])
      await send(path.startsWith('/ofrep') ? 'POST' : 'GET', path, { key: '', headers })
  for (const path of [
    '/api/v1/projects',
    '/ofrep/v1/evaluate/flags/a',
    '/flagd.evaluation.v2.Service/ResolveBoolean',
  ]) {
    // A key as the first label of the host, as some gRPC clients send it.
    await sendRaw(`GET ${path} HTTP/1.1\r\nHost: ${clientKey}.flags.example\r\n\r\n`)
    await sendRaw(`GET http://user:${wrong('userinfo')}@a${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
    await sendRaw(
      `GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${wrong('two')}\r\nX-API-Key: ${wrong('three')}\r\n\r\n`,
    )
  }
  const client = new GrpcClient(service.grpcPort, { authority: `${clientKey}.flags.example` })
  await client.call(Evaluation, 'resolveBoolean', { flagKey: 'a' })
  client.close()
  await collector.wait(() => collector.spans.find(({ name }) => name.includes('ResolveBoolean')))
  const text = everything()
  for (const secret of secrets) assert.ok(!text.includes(secret), `"${secret}" left the process`)
  for (const part of ['/api/v1/projects', '/nowhere', 'ResolveBoolean']) assert.ok(text.includes(part), part)
})

/** What a terminal or a viewer of logs obeys: ESC and C1 controls, line separators, marks of direction. */
const CONTROLS = [
  [0, 0x1f],
  [0x7f, 0x9f],
  [0x2028, 0x202e],
  [0x2066, 0x2069],
] as const
const controlIn = (text: string): string | undefined =>
  [...text].find((character) =>
    CONTROLS.some(([from, to]) => character.charCodeAt(0) >= from && character.charCodeAt(0) <= to),
  )
const FORGED = [
  '\n',
  '\r\n',
  '\u001b[2J',
  '\u001b]0;x\u0007',
  '\u009b31m',
  '\u0085',
  '\u2028',
  '\u202e',
  '\u2066',
  '\0',
  '\u007f',
]

test('no text of a client begins a line of the log, moves the cursor of a terminal or reverses text', async () => {
  const before = service.output().length
  const line = '{"level":"error","message":"forged"}'
  for (const forged of FORGED) {
    const text = encodeURIComponent(`a${forged}${line}`)
    for (const path of [
      `/${text}`,
      `/api/v1/${text}`,
      `/api/v1/projects/${text}`,
      `/ofrep/v1/evaluate/flags/${text}`,
      `/console/${text}`,
    ])
      await send(path.startsWith('/ofrep') ? 'POST' : 'GET', path, { body: undefined as never, headers: {} })
    await sendRaw(
      `GET /raw HTTP/1.1\r\nHost: a\r\nX: ${Buffer.from(forged)
        .toString('latin1')
        .replace(/[\r\n]/g, '')}\r\n\r\n`,
    )
    await send('POST', '/api/v1/projects', { body: { key: `a${forged}`, name: forged } })
    await send('GET', `/api/v1/changes?comment=${text}`)
    await send('POST', `/flagd.evaluation.v2.Service/${text}`, { body: {} })
    await send('POST', '/ofrep/v1/evaluate/flags/a', { body: {}, headers: { 'flagd-selector': text } })
  }
  const output = service.output().slice(before)
  const lines = output.split('\n').filter(Boolean)
  assert.ok(lines.length > FORGED.length)
  for (const text of lines) {
    const { message } = JSON.parse(text)
    assert.notEqual(message, 'forged')
    assert.equal(controlIn(text), undefined, text)
  }
  assert.ok(output.includes('forged'), 'the paths are logged')
})
