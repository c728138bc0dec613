import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Events, readEvents } from '../../../support/events.ts'
import { type Listening, openListening } from '../../../support/listening.ts'
import { ADMIN_KEY, openService, type Service } from '../../../support/service.ts'

const ADMIN = { name: 'admin', role: 'admin' }
const SWITCH = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off' }
let it: Listening
let other: Service
before(async () => {
  it = await openListening({ freshnessMs: 200, dependencies: { console: { publicPath: '' } } })
  other = await openService({ store: it.service.store })
  await it.environment('shop')
})
after(() => it.close())

const follow = async (headers: Record<string, string> = { authorization: `Bearer ${ADMIN_KEY}` }) => {
  const response = await fetch(`${it.address}/api/v1/projects/shop/events`, { headers })
  return { status: response.status, type: response.headers.get('content-type'), events: readEvents(response.body) }
}
const next = async (events: Events) => JSON.parse((await events.next('data'))?.['data'] ?? 'null')
/** Closes a stream and waits until the service has noticed. */
const close = async (events: Events) => {
  await events.cancel()
  const until = performance.now() + 10_000
  while (it.service.streams.size > 0 && performance.now() < until) await new Promise(setImmediate)
}
const put = (service: Service, environment: string, defaultVariant: string) =>
  service.call('PUT', `/api/v1/projects/shop/environments/${environment}/flags/a`, {
    body: { ...SWITCH, defaultVariant },
  })
const newKey = async (role: string, environment: object | null) =>
  (await it.service.call('POST', '/api/v1/keys', { body: { name: role, role, environment } })).body.secret

test('a change of this or another replica is a hint with the new revision, and other changes are hints too', async () => {
  const { status, type, events } = await follow()
  assert.deepEqual([status, type], [200, 'text/event-stream'])
  await put(it.service, 'test', 'on')
  assert.deepEqual(await next(events), { environment: 'test', revision: 2 })
  assert.deepEqual(await next(events), { flags: true }, 'the flag is new')
  await put(other, 'test', 'off')
  assert.deepEqual(await next(events), { environment: 'test', revision: 3 })
  await other.call('PATCH', '/api/v1/projects/shop/flags/a', { body: { owner: 'ada' } })
  assert.deepEqual(await next(events), { flags: true })
  await it.service.call('POST', '/api/v1/projects/shop/environments', { body: { key: 'live' } })
  assert.deepEqual(await next(events), { environment: 'live', revision: 1 })
  await put(other, 'live', 'on')
  assert.deepEqual(await next(events), { environment: 'live', revision: 2 })
  await close(events)
})

test('a key of one environment gets no hint of others, and a client key none at all', async () => {
  const environment = { project: 'shop', environment: 'test' }
  const viewer = await newKey('viewer', environment)
  const { events } = await follow({ 'x-api-key': viewer })
  await put(it.service, 'live', 'off')
  await put(it.service, 'test', 'on')
  assert.deepEqual(await next(events), { environment: 'test', revision: 4 })
  await close(events)
  assert.equal((await follow({ 'x-api-key': await newKey('client', environment) })).status, 403)
  assert.equal((await follow({})).status, 401)
})

test('when a key is created or revoked every stream ends: a client reconnects, and a revoked one is refused', async () => {
  const [admin, created] = [await follow(), await it.service.call('POST', '/api/v1/keys', { body: ADMIN })]
  assert.deepEqual(await next(admin.events), { keys: true })
  assert.ok(await admin.events.next('retry'))
  const { id, secret } = created.body
  const { status, events } = await follow({ 'x-api-key': secret })
  assert.equal(status, 200)
  await other.call('DELETE', `/api/v1/keys/${id}`)
  assert.deepEqual(await next(events), { keys: true })
  assert.equal(await events.next('data'), undefined)
  assert.equal(it.service.streams.size, 0)
})

test('a session follows too; nothing is watched when the last stream has ended, and the end names a time to reconnect', async () => {
  const headers = { 'content-type': 'application/json', 'x-flagstaff-console': '1', 'sec-fetch-site': 'same-origin' }
  const body = JSON.stringify({ key: ADMIN_KEY })
  const signedIn = await fetch(`${it.address}/console/session`, { method: 'POST', headers, body })
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? ''
  const { status, events } = await follow({ cookie })
  assert.deepEqual([status, it.service.streams.size, it.service.subscriptions.isWatching], [200, 1, true])
  assert.ok(await events.next('retry'))
  it.service.streams.endStreams()
  assert.match((await events.next('retry'))?.['retry'] ?? '', /^\d+$/)
  assert.equal(await events.next('retry'), undefined)
  assert.deepEqual([it.service.streams.size, it.service.subscriptions.isWatching], [0, false])
  assert.equal((await follow()).status, 503)
})
