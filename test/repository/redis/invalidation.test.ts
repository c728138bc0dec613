import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { parseRedisUrl } from '../../../src/config/redis.ts'
import type { RedisAddress } from '../../../src/repository/redis/address.ts'
import { openRedis, type RedisConnection } from '../../../src/repository/redis/client.ts'
import { type Invalidation, invalidationsIn, parseInvalidation } from '../../../src/repository/redis/invalidation.ts'
import { INVALIDATION_CHANNEL, snapshotStoreIn } from '../../../src/repository/redis/snapshot-store.ts'
import { HAS_REDIS, type RedisServer, startRedis } from '../../support/redis.ts'
import { type Front, startUpstash } from '../../support/upstash.ts'

const skip = HAS_REDIS ? false : 'this machine has no redis-server'
const STAMP = { incarnation: 'one', revision: 7n }

let server: RedisServer
let front: Front
let connection: RedisConnection
before(async () => {
  if (!HAS_REDIS) return
  server = await startRedis()
  front = await startUpstash(server.url)
  connection = openRedis(parseRedisUrl(server.url))
})
after(async () => {
  if (!HAS_REDIS) return
  await connection.close()
  await front.close()
  await server.kill()
})

/** Handlers that a test can wait for: the n-th start, the next invalidation. */
function listen(address: RedisAddress) {
  const stop = new AbortController()
  const received: Invalidation[] = []
  let begun = 0
  let wake: () => void = () => undefined
  const failures: string[] = []
  const ended = invalidationsIn(address, (message) => failures.push(message))(
    {
      onReady: () => {
        begun += 1
        wake()
      },
      onInvalidation: (invalidation) => {
        received.push(invalidation)
        wake()
      },
    },
    stop.signal,
  )
  const until = async (isDone: () => boolean) => {
    while (!isDone())
      await new Promise<void>((resolve) => {
        wake = resolve
      })
  }
  return {
    failures,
    ready: (times: number) => until(() => begun >= times),
    next: async () => {
      await until(() => received.length > 0)
      return received.shift()
    },
    stop: () => {
      stop.abort()
      return ended
    },
  }
}
const publish = (message: string) => connection.send(['PUBLISH', INVALIDATION_CHANNEL, message])
const listeners = async () =>
  Number(((await connection.send(['PUBSUB', 'NUMSUB', INVALIDATION_CHANNEL])) as unknown[])[1])
const noneLeft = async () => {
  while ((await listeners()) > 0) await new Promise((resolve) => setImmediate(resolve))
}

for (const [name, address] of [
  ['a plain Redis', () => parseRedisUrl(server.url)],
  ["Upstash's REST interface", () => ({ restUrl: front.restUrl, restToken: front.restToken })],
] as const)
  test(`over ${name}, each stored copy is an invalidation, and a subscription ends without leftovers`, {
    skip,
  }, async () => {
    const subscription = listen(address())
    await subscription.ready(1)
    await publish('not an invalidation')
    await snapshotStoreIn(connection.send, () => undefined).write(`${name} shop`.replaceAll(' ', '-'), {
      revisionId: STAMP,
      text: 'x',
    })
    assert.deepEqual(await subscription.next(), { ...STAMP, name: `${name} shop`.replaceAll(' ', '-') })
    await subscription.stop()
    await noneLeft()
    assert.deepEqual(subscription.failures, [])
  })

const restart = async () => {
  await server.kill()
  await server.start()
}
for (const [name, address, interrupt] of [
  ['a plain Redis', () => parseRedisUrl(server.url), restart],
  [
    "Upstash's REST interface",
    () => ({ restUrl: front.restUrl, restToken: front.restToken }),
    async () => front.endSubscriptions(),
  ],
] as const)
  test(`over ${name}, the subscription starts again after every end`, { skip }, async () => {
    const subscription = listen(address())
    await subscription.ready(1)
    await interrupt()
    await subscription.ready(2)
    await publish(`a/b ${STAMP.incarnation} 8`)
    assert.deepEqual(await subscription.next(), { ...STAMP, revision: 8n, name: 'a/b' })
    await subscription.stop()
  })

test('a subscription to an absent Redis keeps retrying, and stops at once when aborted', { skip }, async () => {
  await server.kill()
  const subscription = listen(parseRedisUrl(server.url))
  await server.start()
  await subscription.ready(1)
  await subscription.stop()
})

for (const message of ['', 'a', 'a/b one', 'a/b one x', 'a/b one 1 2', `a/b ${'x'.repeat(65)} 1`])
  test(`"${message.slice(0, 20)}" is not an invalidation`, () => assert.equal(parseInvalidation(message), undefined))
