import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { parseRedisUrl } from '../../src/config/redis.ts'
import { openRedis, type RedisConnection } from '../../src/repository/redis/client.ts'
import { type Invalidations, invalidationsIn } from '../../src/repository/redis/invalidation.ts'
import { INVALIDATION_CHANNEL, snapshotStoreIn } from '../../src/repository/redis/snapshot-store.ts'
import { fingerprintOf } from '../../src/routes/ofrep/etag.ts'
import { readEvents } from '../support/events.ts'
import { HAS_REDIS, type RedisServer, startRedis } from '../support/redis.ts'
import { ADMIN_KEY, openService, type Service } from '../support/service.ts'
import { openStore, type Store } from '../support/store.ts'

const skip = HAS_REDIS ? false : 'this machine has no redis-server'
const ENVIRONMENT = '/api/v1/projects/shop/environments/live'
const FLAG = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
/** So long that only an invalidation can cause what a test observes. */
const NEVER_MS = 3_600_000

let store: Store
let redis: RedisServer | undefined
const connections: RedisConnection[] = []
before(async () => {
  store = await openStore()
  const service = await openService({ store })
  await service.call('POST', '/api/v1/projects', { body: { key: 'shop' } })
  await service.call('POST', '/api/v1/projects/shop/environments', { body: { key: 'live' } })
  await service.call('POST', '/api/v1/projects/shop/flags', { body: { key: 'on', type: 'boolean' } })
  await change(service)
  if (HAS_REDIS) redis = await startRedis()
})
after(async () => {
  await store.close()
  await Promise.all(connections.map((connection) => connection.close()))
  await redis?.kill()
})

let changes = 0
const change = async (service: Service) => {
  changes += 1
  const body = { ...FLAG, metadata: { changes } }
  const { status } = await service.call('PUT', `${ENVIRONMENT}/flags/on`, { body })
  assert.ok(status < 300, String(status))
}
const replica = (freshnessMs: number, invalidations?: Invalidations): Promise<Service> => {
  if (!redis) return openService({ store, freshnessMs })
  const connection = openRedis(parseRedisUrl(redis.url))
  connections.push(connection)
  const snapshotStore = snapshotStoreIn(connection.send, () => undefined)
  return openService({
    store,
    snapshotStore,
    freshnessMs,
    truthCheckMs: freshnessMs,
    ...(invalidations && { invalidations }),
  })
}
const listen = async (service: Service) => {
  const { revision } = await service.snapshots.current('shop/live')
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'last-event-id': String(revision) }
  const request = new Request('http://localhost/ofrep/v1/sse/flagSetId=shop%2Flive', { headers })
  const response = await service.fetch(request)
  assert.equal(response.status, 200)
  return readEvents(response.body)
}
/** Invalidations of the real Redis, and a promise of the n-th start of the subscription. */
function watched(url: string) {
  const invalidations = invalidationsIn(parseRedisUrl(url), () => undefined)
  let begun = 0
  let wake: () => void = () => undefined
  const observed: Invalidations = (handlers, signal) =>
    invalidations(
      {
        onInvalidation: handlers.onInvalidation,
        onReady: () => {
          handlers.onReady()
          begun += 1
          wake()
        },
      },
      signal,
    )
  const ready = async (times: number) => {
    while (begun < times)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
  }
  return { invalidations: observed, ready }
}

test('a change on one replica reaches a stream on another by an invalidation alone', { skip }, async () => {
  const { invalidations, ready } = watched(redis?.url ?? '')
  const [writer, reader] = await Promise.all([replica(NEVER_MS), replica(NEVER_MS, invalidations)])
  const events = await listen(reader)
  await ready(1)
  for (let i = 0; i < 5; i++) {
    await change(writer)
    const event = JSON.parse((await events.next('data'))?.['data'] ?? '')
    assert.equal(event.etag, fingerprintOf(await writer.snapshots.current('shop/live')))
  }
  await events.cancel()
})

test('a new subscription checks for missed changes', { skip }, async () => {
  const { invalidations, ready } = watched(redis?.url ?? '')
  const [writer, reader] = await Promise.all([replica(NEVER_MS), replica(NEVER_MS, invalidations)])
  const events = await listen(reader)
  await ready(1)
  await redis?.kill()
  await change(writer) // without an invalidation
  await redis?.start()
  await ready(2)
  const snapshot = await writer.snapshots.current('shop/live')
  assert.equal((await events.next('data'))?.['id'], String(snapshot.revision))
  await events.cancel()
})

test('without invalidations a timer finds changes for a stream; it stops with the last stream', async () => {
  const reader = await openService({ store, freshnessMs: 20, truthCheckMs: 20 })
  const writer = await openService({ store })
  assert.ok(!reader.subscriptions.isWatching)
  const events = await listen(reader)
  await change(writer)
  assert.ok(await events.next('data'))
  await events.cancel()
  assert.ok(!reader.subscriptions.isWatching)
})

test('a replica subscribes to invalidations only while a stream is open', { skip }, async () => {
  const { invalidations, ready } = watched(redis?.url ?? '')
  const reader = await replica(NEVER_MS, invalidations)
  const connection = openRedis(parseRedisUrl(redis?.url ?? ''))
  connections.push(connection)
  const listeners = async () =>
    Number(((await connection.send(['PUBSUB', 'NUMSUB', INVALIDATION_CHANNEL])) as unknown[])[1])
  await reader.snapshots.current('shop/live')
  assert.equal(await listeners(), 0)
  const [first, second] = [await listen(reader), await listen(reader)]
  await ready(1)
  assert.equal(await listeners(), 1)
  await first.cancel()
  assert.equal(await listeners(), 1)
  await second.cancel()
  while ((await listeners()) > 0) await new Promise((resolve) => setImmediate(resolve))
})
