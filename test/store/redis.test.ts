import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Redis } from '@upstash/redis'
import { openRedis } from '../../src/store/redis.ts'
import { subscribe } from '../../src/store/subscribe.ts'
import { HAS_REDIS, type RedisServer, startRedis } from '../support/redis.ts'
import { type Front, startUpstash } from '../support/upstash.ts'

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

  test('gets no telemetry of its client, whatever is asked', async () => {
    const { redis, close } = openRedis(front)
    await redis.exec(['PING']) // alone; what the client has a method for it sends as a pipeline, even one of one
    await redis.pipeline().set('a', '1').get('a').exec()
    await redis.multi().set('a', '2').get('a').exec()
    const stop = new AbortController()
    await subscribe(front, {
      channel: 'here',
      signal: stop.signal,
      onReady: () => stop.abort(),
      onMessage: () => undefined,
    })
    await close()
    const paths = new Set(front.requests.map(({ path }) => path))
    assert.deepEqual([...paths].sort(), ['/', '/multi-exec', '/pipeline', '/subscribe/here'])
    for (const { path, headers } of front.requests) {
      assert.ok(headers.includes('authorization'))
      assert.deepEqual(headers.filter(isTelemetry), [], path)
    }
  })

  test('hears of the span that asks, where there is one', async () => {
    let traceparent: string | undefined
    const { redis, close } = openRedis(front, () => traceparent)
    const isTold = () => front.requests.at(-1)?.headers.includes('traceparent')
    await redis.get('a')
    assert.equal(isTold(), false)
    traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    await redis.get('a')
    assert.equal(isTold(), true)
    await close()
  })

  test('would get it from a client that was not told to be silent', async () => {
    const { restUrl: url, restToken: token } = front
    await new Redis({ url, token, enableTelemetry: true }).get('a')
    assert.ok(front.requests.at(-1)?.headers.some(isTelemetry))
  })
})

for (const transport of ['a plain Redis', "Upstash's REST interface"])
  test(`over ${transport} an error of one command leaves the others of its pipeline alone`, {
    skip: HAS_REDIS ? false : 'there is no redis-server on this machine',
  }, async () => {
    const server = await startRedis()
    const front = transport === 'a plain Redis' ? undefined : await startUpstash(server.url)
    const { redis, close } = openRedis(front ?? { url: server.url })
    const replies = await redis.pipeline().set('a', 'b').lpush('a', 'c').get('a').exec({ keepErrors: true })
    assert.match(String(replies[1]?.error), /WRONGTYPE/)
    assert.deepEqual([replies[0]?.result, replies[2]?.result], ['OK', 'b'])
    await assert.rejects(redis.lpush('a', 'c'), /WRONGTYPE/)
    await close()
    await front?.close()
    await server.kill()
  })
