import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { FlagdWebProvider } from '@openfeature/flagd-web-provider'
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider'
import { type Client, OpenFeature, ProviderEvents } from '@openfeature/web-sdk'
import { EventSource } from 'eventsource'
import { Service } from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { readEvents } from '../support/events.ts'
import { GrpcClient } from '../support/grpc.ts'
import { kill, type Running, startService } from '../support/process.ts'
import { openStore, type Store } from '../support/store.ts'

const ADMIN_KEY = 'admin-key-for-tests-only-0123456789'
const AUTH = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' }
const BULK = '/ofrep/v1/evaluate/flags'
const PATH = '/api/v1/projects/shop/environments/live'
/** Time limit in which a client receives an update after a boundary. */
const LATE_MS = 3_000

let store: Store
let service: Running
let key = ''
before(async () => {
  store = await openStore()
  service = await startService({ DATABASE_URL: store.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY })
  await send('POST', '/api/v1/projects', { key: 'shop' })
  await send('POST', '/api/v1/projects/shop/environments', { key: 'live' })
  const environment = { project: 'shop', environment: 'live' }
  key = (await send('POST', '/api/v1/keys', { name: 'web', role: 'client', environment })).secret
})
after(async () => {
  await OpenFeature.close()
  await kill(service)
  await store.close()
})

const send = async (method: string, path: string, body: unknown): Promise<any> => {
  const response = await fetch(service.address + path, { method, headers: AUTH, body: JSON.stringify(body) })
  assert.ok(response.ok, `${response.status} ${path}`)
  return response.json()
}

/** Stores a flag that is "old" until so many seconds from now, and "new" afterwards; returns that moment. */
async function boundaryIn(seconds: number): Promise<number> {
  const at = Math.ceil(Date.now() / 1_000) + seconds
  const variants = { old: 'old', new: 'new' }
  const timed = { state: 'ENABLED', variants, targeting: { if: [{ $ref: 'early' }, 'old', 'new'] } }
  const plain = { state: 'ENABLED', variants, defaultVariant: 'old' }
  const $evaluators = { early: { '<': [{ var: '$flagd.timestamp' }, at] } }
  await send('PUT', `${PATH}/flagset`, { flags: { timed, plain }, $evaluators })
  return at * 1_000
}

/** Waits until the client has the new value; returns the time. */
function changed(client: Client): Promise<number> {
  return new Promise((resolve) => {
    client.addHandler(ProviderEvents.ConfigurationChanged, () => {
      if (client.getStringValue('timed', '') === 'new') resolve(Date.now())
    })
  })
}

const bulk = async (headers: Record<string, string> = {}) => {
  const response = await fetch(service.address + BULK, {
    method: 'POST',
    headers: { ...AUTH, authorization: `Bearer ${key}`, ...headers },
    body: '{}',
  })
  return { status: response.status, etag: response.headers.get('etag') ?? '', body: await response.text() }
}

async function openEvents(lastEventId: string) {
  const { eventStreams } = JSON.parse((await bulk()).body)
  const response = await fetch(service.address + eventStreams[0].endpoint.requestUri, {
    headers: { 'last-event-id': lastEventId },
  })
  const events = readEvents(response.body)
  await events.next('retry')
  return events
}

test('browsers and providers with an open stream have the value of a boundary within 3 s', async () => {
  Object.assign(globalThis, { EventSource })
  const at = await boundaryIn(6)
  const headers: [string, string][] = [['authorization', `Bearer ${key}`]]
  const ofrep = new OFREPWebProvider({ baseUrl: service.address, headers, cacheMode: 'disabled' })
  await OpenFeature.setProviderAndWait('ofrep', Object.assign(ofrep, { hooks: [] }))
  const port = Number(new URL(service.address).port)
  const interceptors: ConstructorParameters<typeof FlagdWebProvider>[0]['interceptors'] = [
    (next) => (call) => {
      call.header.set('x-api-key', key)
      return next(call)
    },
  ]
  const flagd = new FlagdWebProvider({ host: '127.0.0.1', port, tls: false, maxRetries: -1, interceptors })
  await OpenFeature.setProviderAndWait('flagd', flagd)
  const clients = [OpenFeature.getClient('ofrep'), OpenFeature.getClient('flagd')]
  for (const client of clients) assert.equal(client.getStringValue('timed', ''), 'old')
  const before = await bulk()
  assert.ok(Date.now() < at, 'the machine was too slow to see the old value')
  const grpc = new GrpcClient(service.grpcPort, { key })
  const stream = grpc.open(Service, 'eventStream', {})
  assert.equal((await stream.next()).type, 'provider_ready')
  const events = await openEvents('0')
  const first = await events.next('data')

  const seen = await Promise.all([
    ...clients.map(changed),
    stream.next().then(({ type, data }) => {
      assert.deepEqual([type, data], ['configuration_change', { flags: { timed: { type: 'update' } } }])
      return Date.now()
    }),
    events.next('data').then((event) => {
      assert.deepEqual(event, first, 'the same revision, and so the same event')
      return Date.now()
    }),
  ])
  for (const [index, ms] of seen.entries())
    assert.ok(ms >= at && ms - at < LATE_MS, `client ${index} received it ${ms - at} ms after the boundary`)
  const now = await bulk({ 'if-none-match': before.etag })
  assert.equal(now.status, 200)
  assert.notEqual(now.etag, before.etag)
  stream.cancel()
  grpc.close()
  await events.cancel()
})

test('a stream that reconnects with the newest revision receives a boundary that it missed', async () => {
  await boundaryIn(1)
  const events = await openEvents('0')
  const id = (await events.next('data'))?.['id'] ?? ''
  await events.cancel()
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  const later = await openEvents(id)
  assert.equal((await later.next('data'))?.['id'], id)
  await later.cancel()
})
