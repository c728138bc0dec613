import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { Service as Evaluation } from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { type Collector, startCollector } from '../support/collector.ts'
import { readEvents } from '../support/events.ts'
import { GrpcClient } from '../support/grpc.ts'
import { kill, type Running, startService } from '../support/process.ts'
import { FLAG_SET, request } from '../support/replicas.ts'
import { openStore, type Store } from '../support/store.ts'

/** Strings that no line may contain. */
const PLANTED = {
  adminKey: 'planted-admin-key-0123456789',
  wrongKey: 'planted-wrong-key-0123456789',
  databasePassword: 'planted-database-password',
  redisPassword: 'planted-redis-password',
  collectorKey: 'planted-collector-key',
  targetingKey: 'planted-targeting-key',
  attribute: 'planted-attribute',
  comment: 'planted-comment',
}
const CALL = `/${Evaluation.typeName}`
type Line = Record<string, unknown>

let store: Store
let collector: Collector
let service: Running | undefined
before(async () => {
  store = await openStore()
  collector = await startCollector()
})
after(async () => {
  await collector.close()
  await store.close()
})
afterEach(async () => {
  if (service) await kill(service)
})

async function start(env: Record<string, string>, url = store.url): Promise<Running> {
  const address = new URL(url)
  address.password = PLANTED.databasePassword
  const secrets = { DATABASE_URL: address.href, FLAGSTAFF_ADMIN_KEY: PLANTED.adminKey }
  service = await startService({ ...secrets, ...env })
  return service
}

/** All client requests, valid and invalid. */
async function exercise({ address, grpcPort }: Running): Promise<string[]> {
  const context = { targetingKey: PLANTED.targetingKey, email: PLANTED.attribute }
  const send = (method: string, path: string, { key = PLANTED.adminKey, body = {} as unknown } = {}) =>
    fetch(`${address}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'flagd-selector': 'flagSetId=p/e',
      },
      ...(method !== 'GET' && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  await send('POST', '/api/v1/projects', { body: { key: 'p' } })
  await send('POST', '/api/v1/projects/p/environments', { body: { key: 'e' } })
  const flag = { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on' }
  await send('PUT', `${FLAG_SET}/flags/a?comment=${PLANTED.comment}`, { body: flag })
  await send('PUT', `${FLAG_SET}/flags/b?comment=${PLANTED.comment}`, { body: { ...flag, state: PLANTED.attribute } })
  const environment = { project: 'p', environment: 'e' }
  const made = await send('POST', '/api/v1/keys', { body: { name: 'n', role: 'client', environment } })
  const { secret } = (await made.json()) as { secret: string | undefined }
  for (const path of ['/a', '/none', '']) {
    await send('POST', `/ofrep/v1/evaluate/flags${path}`, { body: { context } })
    await send('POST', `/ofrep/v1/evaluate/flags${path}`, { key: PLANTED.wrongKey, body: { context } })
    await send('POST', `/ofrep/v1/evaluate/flags${path}`, { body: `{"context":{"email":"${PLANTED.attribute}"` })
  }
  const bulk = await send('POST', '/ofrep/v1/evaluate/flags', { key: secret ?? '', body: { context } })
  const { eventStreams } = (await bulk.json()) as { eventStreams?: { endpoint: { requestUri: string } }[] }
  const stream = eventStreams?.[0]?.endpoint.requestUri ?? '/ofrep/v1/sse/x?token=planted-stream-token'
  const token = new URL(stream, address).searchParams.get('token') ?? ''
  const events = readEvents((await fetch(`${address}${stream}`)).body)
  await events.cancel()
  await fetch(`${address}/ofrep/v1/sse/flagSetId%3Dp%2Fe?token=planted-stream-token`)
  for (const key of [PLANTED.wrongKey, PLANTED.adminKey]) {
    const client = new GrpcClient(grpcPort, { key, metadata: { 'flagd-selector': 'flagSetId=p/e' } })
    await client.call(Evaluation, 'resolveString', { flagKey: 'a', context })
    client.close()
  }
  for (const key of [PLANTED.wrongKey, PLANTED.adminKey])
    await send('POST', `${CALL}/ResolveString`, { key, body: { flagKey: 'a', context } })
  for (const path of ['/livez', '/readyz', '/metrics', '/nothing'])
    await fetch(`${address}${path}?key=${PLANTED.wrongKey}`)
  return [secret, token, 'planted-stream-token'].filter((text) => text !== undefined && text !== '') as string[]
}

/** The log as an operator's tools read it; every line is one event. */
function linesOf({ output }: Running): Line[] {
  const lines = output()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
  for (const line of lines) {
    assert.match(String(line['time']), /^\d{4}-\d\d-\d\dT/)
    assert.ok(['debug', 'info', 'warn', 'error'].includes(String(line['level'])))
    assert.ok(typeof line['message'] === 'string' && line['message'] !== '')
  }
  return lines
}

async function end(running: Running): Promise<void> {
  running.child.kill('SIGTERM')
  await running.ended
}

const routesIn = (lines: Line[]) =>
  lines.filter(({ message }) => message === 'Request').map(({ route, method }) => route ?? method)

test('no secret and no evaluation context is in the log, at any level', async () => {
  const running = await start({
    LOG_LEVEL: 'debug',
    FLAGSTAFF_ACCESS_LOG: 'all',
    REDIS_URL: `redis://:${PLANTED.redisPassword}@127.0.0.1:1`,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=${PLANTED.collectorKey}`,
    OTEL_LOGS_EXPORTER: 'otlp',
  })
  const made = await exercise(running)
  assert.ok(made.length === 3, 'a key and a token were made')
  collector.mood = 'refuses'
  await end(running)
  collector.mood = 'takes'
  const lines = linesOf(running)
  for (const planted of [...Object.values(PLANTED), ...made])
    assert.ok(!running.output().includes(planted), `"${planted}" stands in the log`)
  const routes = routesIn(lines)
  for (const route of [
    '/ofrep/v1/evaluate/flags/:key',
    '/livez',
    '/*',
    `${CALL}/:method`,
    `${CALL.slice(1)}/ResolveString`,
  ])
    assert.ok(routes.includes(route), `${route} is logged`)
  for (const line of lines.filter(({ route }) => String(route).startsWith('/api/')))
    assert.match(`${line['traceId']} ${line['spanId']}`, /^[\da-f]{32} [\da-f]{16}$/)
  assert.ok(lines.some(({ actor }) => actor === 'FLAGSTAFF_ADMIN_KEY'))
})

test('nor when Postgres is unreachable', async () => {
  const running = await start(
    { LOG_LEVEL: 'debug', FLAGSTAFF_ACCESS_LOG: 'all' },
    'postgres://flagstaff@127.0.0.1:1/none',
  )
  await exercise(running)
  await end(running)
  assert.ok(linesOf(running).some(({ level }) => level === 'error'))
  for (const planted of [...Object.values(PLANTED), 'planted-stream-token'])
    assert.ok(!running.output().includes(planted), `"${planted}" stands in the log`)
})

test('evaluations and probes are logged only if configured; FLAGSTAFF_ACCESS_LOG=none logs no request', async () => {
  const some = await start({})
  await exercise(some)
  await end(some)
  const routes = routesIn(linesOf(some))
  assert.ok(routes.includes('/api/v1/projects'))
  for (const route of ['/ofrep/v1/evaluate/flags/:key', '/ofrep/v1/evaluate/flags', '/livez', '/readyz', '/metrics'])
    assert.ok(!routes.includes(route), route)
  assert.ok(!routes.some((route) => String(route).includes('flagd.')))
  const none = await start({ FLAGSTAFF_ACCESS_LOG: 'none' })
  await request(none.address, PLANTED.adminKey, { method: 'GET', path: '/api/v1/projects' })
  await end(none)
  assert.deepEqual(routesIn(linesOf(none)), [])
})

test('an error has the trace of its caller', async () => {
  const running = await start({}, 'postgres://flagstaff@127.0.0.1:1/none')
  const traceId = 'e'.repeat(32)
  const headers = { traceparent: `00-${traceId}-${'f'.repeat(16)}-00`, 'flagd-selector': 'flagSetId=p/e' }
  const body = { method: 'POST', path: '/ofrep/v1/evaluate/flags/a', body: {}, headers }
  assert.equal((await request(running.address, PLANTED.adminKey, body)).status, 503)
  await end(running)
  assert.ok(linesOf(running).some((line) => line['message'] === 'Refused an evaluation' && line['traceId'] === traceId))
})
