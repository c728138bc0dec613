import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Service } from '../../../src/grpc/gen/flagd/evaluation/v1/evaluation_pb.js'
import { FlagSyncService } from '../../../src/grpc/gen/flagd/sync/v1/sync_pb.js'
import { readEvents } from '../../support/events.ts'
import { type Listening, openListening } from '../../support/listening.ts'

const NOW = { var: '$flagd.timestamp' }
/** Timers that wait for a boundary, and their callbacks. */
const timers = new Set<() => void>()
let wallMs = Date.now()

let it: Listening
let place: Awaited<ReturnType<Listening['environment']>>
before(async () => {
  const clock = {
    wallNow: () => wallMs,
    spreadMs: () => 0,
    after: (_: number, run: () => void) => {
      timers.add(run)
      return () => timers.delete(run)
    },
  }
  it = await openListening({ clock })
  place = await it.environment('timers')
  const flag = (seconds: number, source: string) => ({
    state: 'ENABLED',
    variants: { a: true, b: false },
    targeting: { if: [{ '<': [NOW, Math.ceil(wallMs / 1_000) + seconds] }, 'a', 'b'] },
    metadata: { source },
  })
  const flags = { red: flag(60, 'red'), blue: flag(60, 'blue'), late: flag(100, 'red') }
  const { status, text } = await it.service.call('PUT', `${place.path}/flagset`, { body: { flags } })
  assert.equal(status, 200, text)
})
after(() => it.close())

const fire = () => {
  for (const run of [...timers]) {
    timers.delete(run)
    run()
  }
}
const settled = async (count: number) => {
  const late = Date.now() + 5_000
  while (timers.size !== count && Date.now() < late) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(timers.size, count)
}

test('an environment has one timer while it has open event streams, and none otherwise', async () => {
  const client = it.client({ key: place.clientKey })
  assert.equal((await client.call(Service, 'resolveBoolean', { flagKey: 'red' })).status, 0)
  assert.equal(
    (await it.service.call('POST', '/ofrep/v1/evaluate/flags', { key: place.clientKey, body: {} })).status,
    200,
  )
  const sync = it.client({ key: place.serverKey }).open(FlagSyncService, 'syncFlags', {})
  await sync.next()
  assert.equal(timers.size, 0, 'in-process providers need none')
  const one = client.open(Service, 'eventStream', {})
  await one.next()
  const address = `${it.address}/ofrep/v1/sse/flagSetId=timers%2Ftest`
  const events = readEvents((await fetch(address, { headers: { 'x-api-key': place.clientKey } })).body)
  await events.next('retry')
  assert.equal(timers.size, 1)
  one.cancel()
  await events.cancel()
  await settled(0)
  sync.cancel()
})

test('a boundary names the flags that the selector includes, once', async () => {
  const metadata = { 'flagd-selector': 'source=red' }
  const stream = it.client({ key: place.clientKey, metadata }).open(Service, 'eventStream', {})
  const all = it.client({ key: place.clientKey }).open(Service, 'eventStream', {})
  assert.equal((await stream.next()).type, 'provider_ready')
  assert.equal((await all.next()).type, 'provider_ready')
  wallMs += 70_000
  fire()
  assert.deepEqual((await stream.next()).data, { flags: { red: { type: 'update' } } })
  assert.deepEqual((await all.next()).data, { flags: { red: { type: 'update' }, blue: { type: 'update' } } })
  wallMs += 70_000
  fire()
  assert.deepEqual((await all.next()).data, { flags: { late: { type: 'update' } } })
  await settled(0)
  stream.cancel()
  all.cancel()
})
