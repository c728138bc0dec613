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
  it = await openListening({ freshnessMs: 60_000, dependencies: { console: { publicPath: '' } } })
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

test('a key that another replica revokes loses its stream, and is refused; the streams of other keys stay open', async () => {
  const { id, secret } = (await it.service.call('POST', '/api/v1/keys', { body: ADMIN })).body
  const others = [await follow(), await follow({ 'x-api-key': await newKey('admin', null) })]
  const { status, events } = await follow({ 'x-api-key': secret })
  assert.equal(status, 200)
  await other.call('DELETE', `/api/v1/keys/${id}`)
  assert.deepEqual(await next(events), { keys: true })
  assert.equal(await events.next('data'), undefined)
  assert.equal((await follow({ 'x-api-key': secret })).status, 401)
  assert.equal(it.service.streams.ended.of('revoked').value, 1)
  await put(it.service, 'test', 'off')
  for (const { events } of others) {
    let hint = await next(events)
    while ('keys' in hint) hint = await next(events)
    assert.deepEqual(hint, { environment: 'test', revision: 5 })
  }
  for (const { events } of others) await events.cancel()
  while (it.service.streams.size > 0) await new Promise(setImmediate)
})

test('a change by this replica is a hint at once, not with the next regular check', async () => {
  const { events } = await follow()
  const began = performance.now()
  for (const variant of ['on', 'off', 'on', 'off', 'on']) {
    await put(it.service, 'live', variant)
    assert.equal((await next(events)).environment, 'live')
  }
  assert.ok(performance.now() - began < 3_000, 'five regular checks take more than four seconds')
  await close(events)
})

test('to follow a project loads no flags', async () => {
  const third = await openListening({ store: it.service.store })
  try {
    const headers = { authorization: `Bearer ${ADMIN_KEY}` }
    const response = await fetch(`${third.address}/api/v1/projects/shop/events`, { headers })
    assert.ok(await readEvents(response.body).next('retry'))
    assert.deepEqual([...third.service.snapshots.all()], [])
  } finally {
    third.service.streams.endStreams()
    await third.server.close(AbortSignal.timeout(1_000))
  }
})

test('the streams of a deleted project end, on each replica, also where another project gets its key at once', async () => {
  const headers = { authorization: `Bearer ${ADMIN_KEY}` }
  const create = () => it.service.call('POST', '/api/v1/projects', { body: { key: 'short' } })
  const open = async () => {
    const { body } = await fetch(`${it.address}/api/v1/projects/short/events`, { headers })
    const events = readEvents(body)
    assert.ok(await events.next('retry'))
    return events
  }
  for (const isCreatedAgain of [false, true]) {
    await create()
    const events = await open()
    assert.equal((await other.call('DELETE', '/api/v1/projects/short')).status, 204)
    if (isCreatedAgain) await create()
    assert.match((await events.next('retry'))?.['retry'] ?? '', /^\d+$/)
    assert.equal(await events.next('retry'), undefined)
  }
  assert.equal(it.service.streams.size, 0)
  assert.equal(it.service.streams.ended.of('deleted').value, 2)
  await close(await open())
})

test('a session follows too, and the end of its stream names a time to reconnect', async () => {
  const headers = { 'content-type': 'application/json', 'x-flagstaff-console': '1', 'sec-fetch-site': 'same-origin' }
  const body = JSON.stringify({ key: ADMIN_KEY })
  const signedIn = await fetch(`${it.address}/console/session`, { method: 'POST', headers, body })
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? ''
  const { status, events } = await follow({ cookie })
  assert.deepEqual([status, it.service.streams.size], [200, 1])
  assert.ok(await events.next('retry'))
  it.service.streams.endStreams()
  assert.match((await events.next('retry'))?.['retry'] ?? '', /^\d+$/)
  assert.equal(await events.next('retry'), undefined)
  assert.equal(it.service.streams.size, 0)
  assert.equal((await follow()).status, 503)
})
