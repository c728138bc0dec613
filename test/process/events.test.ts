import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider'
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk'
import { EventSource } from 'eventsource'
import { type Events, readEvents } from '../support/events.ts'
import { kill, type Running, startService } from '../support/process.ts'
import { openStore, type Store } from '../support/store.ts'

const ADMIN_KEY = 'admin-key-for-tests-only-0123456789'
const AUTH = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' }
const BULK = '/ofrep/v1/evaluate/flags'

let store: Store
let service: Running
before(async () => {
  store = await openStore()
  service = await startService({ DATABASE_URL: store.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY })
  await send('POST', '/api/v1/projects', { key: 'shop' })
  await send('POST', '/api/v1/projects/shop/environments', { key: 'live' })
  await change('first')
})
after(async () => {
  await kill(service)
  await store.close()
})
const open: Events[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((events) => events.cancel().catch(() => undefined)))
})

const send = async (method: string, path: string, body: unknown): Promise<any> => {
  const response = await fetch(service.address + path, { method, headers: AUTH, body: JSON.stringify(body) })
  assert.ok(response.ok, `${response.status} ${path}`)
  return response.json()
}
const change = (value: string) => {
  const color = { state: 'ENABLED', variants: { it: value }, defaultVariant: 'it' }
  return send('PUT', '/api/v1/projects/shop/environments/live/flagset', { flags: { color } })
}
const address = async (): Promise<string> => {
  const headers = { ...AUTH, 'flagd-selector': 'flagSetId=shop/live' }
  const response = await fetch(service.address + BULK, { method: 'POST', headers, body: '{}' })
  const { eventStreams } = (await response.json()) as { eventStreams: { endpoint: { requestUri: string } }[] }
  return service.address + (eventStreams[0]?.endpoint.requestUri ?? '')
}
const listen = async (headers: Record<string, string> = {}): Promise<Events> => {
  const response = await fetch(await address(), { headers: { 'accept-encoding': 'gzip, br', ...headers } })
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-encoding'), null)
  const events = readEvents(response.body)
  open.push(events)
  await events.next('retry')
  return events
}

test('an event arrives over HTTP/1.1 after each change, with the revision to resume from', async () => {
  const first = await listen({ 'last-event-id': '0' })
  const id = Number((await first.next('data'))?.['id'])
  const level = await listen({ 'last-event-id': String(id) })
  await change('second')
  assert.equal((await level.next('data'))?.['id'], String(id + 1))
  assert.equal((await first.next('data'))?.['id'], String(id + 1))
})

test('the published web provider evaluates again after a change', async () => {
  Object.assign(globalThis, { EventSource })
  const environment = { project: 'shop', environment: 'live' }
  const { secret } = await send('POST', '/api/v1/keys', { name: 'web', role: 'client', environment })
  const headers: [string, string][] = [['authorization', `Bearer ${secret}`]]
  const provider = new OFREPWebProvider({ baseUrl: service.address, headers, cacheMode: 'disabled' })
  await OpenFeature.setProviderAndWait('events', Object.assign(provider, { hooks: [] }))
  const client = OpenFeature.getClient('events')
  const changed = Promise.withResolvers<void>()
  client.addHandler(ProviderEvents.ConfigurationChanged, () => {
    if (client.getStringValue('color', '') === 'third') changed.resolve()
  })
  await change('third')
  await changed.promise
  await OpenFeature.close()
})

test('on SIGTERM every stream ends with its own retry time, and the process with 0', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => listen({ 'last-event-id': '0' })))
  for (const events of all) await events.next('data')
  service.child.kill('SIGTERM')
  const waits = new Set<string>()
  for (const events of all) {
    const wait = (await events.next('retry'))?.['retry'] ?? ''
    assert.ok(Number(wait) >= 500 && Number(wait) < 2_500, wait)
    waits.add(wait)
    assert.equal(await events.next('data'), undefined)
  }
  assert.ok(waits.size > 10)
  assert.deepEqual(await service.ended, { code: 0, signal: null }, service.output())
  assert.doesNotMatch(service.output(), /Cutting|Gave up/)
})
