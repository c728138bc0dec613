import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { fingerprintOf } from '../../../src/routes/ofrep/etag.ts'
import { isStreamToken, streamToken } from '../../../src/routes/ofrep/stream-token.ts'
import { Streams, type StreamsOptions } from '../../../src/routes/ofrep/streams.ts'
import { type Events, readEvents } from '../../support/events.ts'
import { openService, type Service } from '../../support/service.ts'
import { openStore, type Store } from '../../support/store.ts'

const BULK = '/ofrep/v1/evaluate/flags'
const DAY_MS = 24 * 3_600_000

let store: Store
let made = 0
let flagSetId = ''
let definition = ''
/** Fixed unless a test sets it, so that no change is recent. */
let wallNow = 0
let clock = 0
before(async () => {
  store = await openStore()
})
after(() => store.close())
beforeEach(() => {
  made += 1
  flagSetId = `p${made}/test`
  definition = `/api/v1/projects/p${made}/environments/test/flags/on`
  wallNow = Date.now() + DAY_MS
  clock = 0
})

const open = async (streams: Partial<StreamsOptions> = {}): Promise<Service> => {
  const options = { now: () => clock, wallNow: () => wallNow, ...streams }
  const service = await openService({ store, streams: options })
  await service.call('POST', '/api/v1/projects', { body: { key: `p${made}` } })
  await service.call('POST', `/api/v1/projects/p${made}/environments`, { body: { key: 'test' } })
  await service.call('POST', `/api/v1/projects/p${made}/flags`, { body: { key: 'on', type: 'boolean' } })
  await change(service, 'off')
  return service
}
const change = async (service: Service, defaultVariant: 'on' | 'off') => {
  const body = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant }
  const { status } = await service.call('PUT', definition, { body })
  assert.ok(status === 200 || status === 201, String(status))
}
const bulk = async (service: Service, query = '', headers: Record<string, string> = {}) =>
  service.call('POST', `${BULK}${query}`, {
    body: {},
    headers: { 'flagd-selector': `flagSetId=${flagSetId}`, ...headers },
  })
const address = async (service: Service): Promise<string> =>
  (await bulk(service)).body.eventStreams[0].endpoint.requestUri
const get = async (service: Service, path: string, headers: Record<string, string> = {}) =>
  service.fetch(new Request(`http://localhost${path}`, { headers }))
const listen = async (service: Service, headers: Record<string, string> = {}): Promise<Events> => {
  const response = await get(service, await address(service), headers)
  assert.equal(response.status, 200)
  return readEvents(response.body)
}
const revision = async (service: Service) => (await service.snapshots.current(flagSetId)).revision

test('an event stream sends no event for its initial state, and one for each newer one', async () => {
  const service = await open()
  const response = await get(service, await address(service))
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  assert.equal(response.headers.get('cache-control'), 'no-store')
  assert.equal(response.headers.get('access-control-allow-origin'), '*')
  assert.equal(response.headers.get('content-encoding'), null)
  const events = readEvents(response.body)
  assert.match((await events.next('retry'))?.['retry'] ?? '', /^\d{3,4}$/)
  await change(service, 'on')
  const event = await events.next('data')
  const snapshot = await service.snapshots.current(flagSetId)
  assert.equal(event?.['id'], String(snapshot.revision))
  assert.equal(event?.['event'], 'message')
  assert.deepEqual(JSON.parse(event?.['data'] ?? ''), {
    type: 'refetchEvaluation',
    etag: fingerprintOf(snapshot),
    lastModified: Math.floor(snapshot.changedAt.getTime() / 1_000),
  })
  await events.cancel()
})

test('Last-Event-ID of another revision, or a recent change, causes an event at once', async () => {
  const service = await open()
  const now = String(await revision(service))
  const behind = await listen(service, { 'last-event-id': '1' })
  assert.equal((await behind.next('data'))?.['id'], now)
  const level = await listen(service, { 'last-event-id': now })
  wallNow = Date.now()
  const fresh = await listen(service)
  assert.equal((await fresh.next('data'))?.['id'], now)
  await change(service, 'on')
  assert.equal((await level.next('data'))?.['id'], String(Number(now) + 1))
  await Promise.all([behind, level, fresh].map((events) => events.cancel()))
})

test('a slow reader receives only the newest event, and a reader that disconnects frees everything', async () => {
  const service = await open()
  const slow = await listen(service)
  for (const variant of ['on', 'off', 'on', 'off'] as const) await change(service, variant)
  assert.equal((await slow.next('data'))?.['id'], String(await revision(service)))
  assert.equal(service.streams.size, 1)
  assert.ok(service.subscriptions.isWatching)
  await slow.cancel()
  assert.equal(service.streams.size, 0)
  assert.ok(!service.subscriptions.isWatching)
})

test('an idle stream is kept alive, and ends at its maximum age with a jittered retry', async () => {
  const service = await open({ keepAliveMs: 20, secondsMax: 100, random: () => 0.5 })
  const events = await listen(service)
  clock = 20
  assert.equal((await events.next(''))?.[''], 'keep-alive')
  clock = 87_499
  assert.ok(await events.next(''))
  clock = 87_500
  assert.equal((await events.next('retry'))?.['retry'], '1500')
  assert.equal(await events.next('retry'), undefined)
  assert.equal(service.streams.size, 0)
  assert.equal(service.streams.ended.of('age').value, 1)
})

test('endStreams() ends all streams with a retry and refuses new ones', async () => {
  const service = await open()
  const all = await Promise.all([listen(service), listen(service)])
  for (const events of all) await events.next('retry')
  service.streams.endStreams()
  for (const events of all) {
    assert.ok(await events.next('retry'))
    assert.equal(await events.next('retry'), undefined)
  }
  const refused = await get(service, await address(service))
  assert.equal(refused.status, 503)
  assert.ok(refused.headers.get('retry-after'))
  assert.equal(service.streams.size, 0)
  assert.equal(service.streams.ended.of('stopping').value, 2)
})

test('streams are limited, per environment and in total, and one that ends frees a place', async () => {
  for (const limits of [{ max: 2 }, { environmentMax: 2 }]) {
    made += 1
    flagSetId = `p${made}/test`
    definition = `/api/v1/projects/p${made}/environments/test/flags/on`
    const service = await open(limits)
    const [first, second] = await Promise.all([listen(service), listen(service)])
    const refused = await get(service, await address(service))
    assert.equal(refused.status, 503)
    assert.ok(refused.headers.get('retry-after'))
    await first.cancel()
    const third = await listen(service)
    await Promise.all([second.cancel(), third.cancel()])
  }
})

test('a token permits only the event stream of its environment; a key permits it as well', async () => {
  const service = await open()
  const path = await address(service)
  const token = new URL(path, 'http://localhost').searchParams.get('token') ?? ''
  const other = `flagSetId=${flagSetId}x`
  for (const [bad, status] of [
    [path.replace(/..$/, 'AA'), 401],
    [`${path}A`, 401],
    [path.replace(/token=\d+/, 'token=1'), 401],
    [path.replace(/token=.*/, 'token='), 401],
    [path.replace(/\?.*/, ''), 401],
    [path.replace(/flagSetId[^?]*/, encodeURIComponent(other)), 401],
    [path.replace(/flagSetId[^?]*/, '%ff'), 400],
    [path.replace(/flagSetId[^?]*/, 'colour%3Dred'), 400],
    [path.replace(/flagSetId[^?]*/, ''), 400],
  ] as const)
    assert.equal((await get(service, bad)).status, status, bad)
  assert.equal((await service.call('POST', BULK, { body: {}, key: token })).status, 401)
  const key = { authorization: 'Bearer admin-key-for-tests-only-0123456789' }
  const withKey = await get(service, path.replace(/\?.*/, ''), key)
  assert.equal(withKey.status, 200)
  await withKey.body?.cancel()
  assert.equal((await get(service, '/ofrep/v1/sse/flagSetId=no%2Fthing', key)).status, 404)
})

test('a stream by a key ends when the key is revoked, within one keep-alive; a stream by a token does not', async () => {
  const service = await open({ keepAliveMs: 20 })
  const environment = { project: `p${made}`, environment: 'test' }
  const body = { name: 'web', role: 'client', environment }
  const { id, secret } = (await service.call('POST', '/api/v1/keys', { body })).body
  const byKey = readEvents((await get(service, '/ofrep/v1/sse/', { 'x-api-key': secret })).body)
  const byToken = await listen(service)
  assert.ok(await byKey.next('retry'))
  clock = 20
  assert.ok(await byKey.next(''))
  await service.call('DELETE', `/api/v1/keys/${id}`)
  clock = 40
  assert.ok(await byKey.next('retry'))
  assert.equal(await byKey.next('retry'), undefined)
  assert.equal(service.streams.ended.of('revoked').value, 1)
  await change(service, 'on')
  assert.ok(await byToken.next('data'))
  await byToken.cancel()
})

test('openFrom() refuses a stream whose key is revoked while it opens, and leaves its source', async () => {
  const follow = () => Promise.reject(new Error('not used'))
  const streams = new Streams({ follow, secondsMax: 100, now: () => 0, wallNow: () => 0, random: Math.random })
  let isLeft = false
  const leave = () => {
    isLeft = true
  }
  const opened = streams.openFrom(
    'p/',
    async (_, checkKey) => {
      checkKey()
      await new Promise(setImmediate)
      return { leave, first: undefined }
    },
    { isUsable: async () => false },
  )
  await assert.rejects(opened, { code: 'unavailable', message: 'The event stream ended before it began; retry' })
  assert.deepEqual([isLeft, streams.size], [true, 0])
})

test('a token stays the same for 30 days and is valid for 30 more', () => {
  const secret = Buffer.alloc(32, 7)
  const start = 700 * 30 * DAY_MS
  const token = streamToken(secret, 'a/b', start)
  assert.equal(streamToken(secret, 'a/b', start + 30 * DAY_MS - 1), token)
  assert.notEqual(streamToken(secret, 'a/b', start + 30 * DAY_MS), token)
  for (const [nowMs, flagSetId, key, expected] of [
    [start, 'a/b', secret, true],
    [start + 60 * DAY_MS - 1, 'a/b', secret, true],
    [start + 60 * DAY_MS, 'a/b', secret, false],
    [start - 1, 'a/b', secret, false],
    [start, 'a/c', secret, false],
    [start, 'a/b', Buffer.alloc(32, 8), false],
  ] as const)
    assert.equal(isStreamToken(token, { secret: key, flagSetId, nowMs }), expected)
})

test('the bulk response names its stream in the body, with the origin of a second service', async () => {
  const service = await open()
  const first = await bulk(service)
  assert.deepEqual(Object.keys(first.body.eventStreams[0]), ['type', 'endpoint', 'inactivityDelaySec'])
  assert.equal((await bulk(service)).headers.get('etag'), first.headers.get('etag'))
  const elsewhere = await openService({ store, streamOrigin: 'https://streams.example.com' })
  const second = await bulk(elsewhere)
  const { endpoint } = second.body.eventStreams[0]
  const { requestUri } = first.body.eventStreams[0].endpoint
  assert.deepEqual(endpoint, { origin: 'https://streams.example.com', requestUri })
  assert.notEqual(second.headers.get('etag'), first.headers.get('etag'))
})

test('a service without streams serves none and names those of another service only', async () => {
  const service = await open()
  const path = await address(service)
  const off = await openService({ store, dependencies: { events: undefined, eventStreams: undefined } })
  assert.equal((await get(off, path)).status, 404)
  assert.equal((await bulk(off)).body.eventStreams, undefined)
})

test('flagConfigEtag of another state forces a response from the newest state', async () => {
  const service = await open()
  const { headers } = await bulk(service)
  const held = { 'if-none-match': headers.get('etag') ?? '' }
  const current = fingerprintOf(await service.snapshots.current(flagSetId))
  assert.equal((await bulk(service, `?flagConfigEtag=${current}`, held)).status, 304)
  assert.equal((await bulk(service, '?flagConfigEtag=other', held)).status, 200)
  const behind = await openService({ store, freshnessMs: 60_000, now: () => clock })
  assert.equal((await bulk(behind)).body.flags[0].value, false)
  await change(service, 'on')
  assert.equal((await bulk(behind)).body.flags[0].value, false)
  clock = 50 // the delay of a provider before its request
  const fingerprint = fingerprintOf(await service.snapshots.current(flagSetId))
  assert.equal((await bulk(behind, `?flagConfigEtag=${fingerprint}`)).body.flags[0].value, true)
})
