import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Redis } from '@upstash/redis'
import { parseRedisUrl } from '../../../src/config/redis.ts'
import { openRedis } from '../../../src/repository/redis/client.ts'
import { subscribeToChannel } from '../../../src/repository/redis/invalidation.ts'
import { HAS_REDIS, type RedisServer, startRedis } from '../../support/redis.ts'
import { type Front, startUpstash } from '../../support/upstash.ts'

const isTelemetry = (header: string) => header.startsWith('upstash-telemetry')

describe("Upstash's REST interface", {
  skip: HAS_REDIS ? false : 'there is no redis-server on this machine',
}, () => {
  let server: RedisServer
  let front: Front
  before(async () => {
    server = await startRedis()
    front = await startUpstash(server.url)
  })
  after(async () => {
    await front.close()
    await server.kill()
  })

  test('receives no telemetry of its client, whatever the command', async () => {
    const { send, close } = openRedis(front)
    await send(['PING'])
    const stop = new AbortController()
    await subscribeToChannel(front, {
      channel: 'here',
      signal: stop.signal,
      onReady: () => stop.abort(),
      onMessage: () => undefined,
    })
    await close()
    const paths = new Set(front.requests.map(({ path }) => path))
    assert.deepEqual([...paths].sort(), ['/', '/subscribe/here'])
    for (const { path, headers } of front.requests) {
      assert.ok(headers.includes('authorization'))
      assert.deepEqual(headers.filter(isTelemetry), [], path)
    }
  })

  test('receives the traceparent of the active span, if there is one', async () => {
    let traceparent: string | undefined
    const { send, close } = openRedis(front, () => traceparent)
    const isTold = () => front.requests.at(-1)?.headers.includes('traceparent')
    await send(['GET', 'a'])
    assert.equal(isTold(), false)
    traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    await send(['GET', 'a'])
    assert.equal(isTold(), true)
    await close()
  })

  test('would receive telemetry from a client with default settings', async () => {
    const { restUrl: url, restToken: token } = front
    await new Redis({ url, token, enableTelemetry: true }).get('a')
    assert.ok(front.requests.at(-1)?.headers.some(isTelemetry))
  })
})

for (const transport of ['a plain Redis', "Upstash's REST interface"])
  test(`over ${transport} an error of one command does not affect the others`, {
    skip: HAS_REDIS ? false : 'there is no redis-server on this machine',
  }, async () => {
    const server = await startRedis()
    const front = transport === 'a plain Redis' ? undefined : await startUpstash(server.url)
    const { send, close } = openRedis(front ?? parseRedisUrl(server.url))
    await send(['SET', 'a', 'b'])
    const [wrong, right] = await Promise.allSettled([send(['LPUSH', 'a', 'c']), send(['GET', 'a'])])
    assert.match(wrong.status === 'rejected' ? String(wrong.reason) : '', /WRONGTYPE/)
    assert.equal(right.status === 'fulfilled' ? right.value : '', 'b')
    await close()
    await front?.close()
    await server.kill()
  })
