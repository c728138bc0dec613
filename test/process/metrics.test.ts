import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseRedisUrl } from '../../src/config/redis.ts'
import { openRedis } from '../../src/repository/redis/client.ts'
import { readEvents } from '../support/events.ts'
import { HAS_PROMTOOL, lint, samplesIn } from '../support/metrics.ts'
import { RUNTIME, startService } from '../support/process.ts'
import { HAS_REDIS } from '../support/redis.ts'
import { evaluate, FLAG_SET, type Replicas, request, startReplicas } from '../support/replicas.ts'

const SOON_MS = 10_000

describe('two replicas', { skip: HAS_REDIS ? false : 'there is no redis-server on this machine' }, () => {
  let replicas: Replicas
  before(async () => {
    replicas = await startReplicas([RUNTIME, RUNTIME])
  })
  after(() => replicas.close())
  const address = (index: number) => replicas.members[index]?.address ?? ''
  const scrape = async (index: number) => {
    const response = await fetch(`${address(index)}/metrics`)
    assert.equal(response.status, 200)
    return response.text()
  }
  const sample = async (index: number, name: string) => samplesIn(await scrape(index)).get(name) ?? 0
  const change = async (index: number, defaultVariant: 'on' | 'off') => {
    const path = `${FLAG_SET}/flags/a`
    const options = { method: 'PATCH', path, body: { defaultVariant } }
    assert.equal((await request(address(index), replicas.adminKey, options)).status, 200)
  }
  /** Evaluates until a sample has the expected value: metrics change with requests, never with timers. */
  const becomes = async (index: number, name: string, isWanted: (value: number) => boolean) => {
    const deadline = performance.now() + SOON_MS
    while (!isWanted(await sample(index, name)) && performance.now() < deadline) {
      await evaluate(address(index), replicas.adminKey)
      await sleep(20)
    }
    assert.ok(isWanted(await sample(index, name)), name)
  }

  test('a replica shows its work, and the same revision as the other', async () => {
    await change(0, 'off')
    assert.equal(await evaluate(address(0), replicas.adminKey), false)
    const here = samplesIn(await scrape(0))
    const count = (name: string, labels: string) => here.get(`${name}_count{${labels}}`) ?? 0
    const route = 'route="/ofrep/v1/evaluate/flags/:key"'
    assert.equal(count('http_request_duration_seconds', `method="POST",${route},status="200"`), 1)
    assert.ok(count('flagstaff_postgres_call_duration_seconds', 'call="write",code="ok"') >= 1)
    assert.ok(count('flagstaff_redis_call_duration_seconds', 'call="write_copy",code="ok"') >= 1)
    const revision = here.get('flagstaff_snapshot_revision{environment="p/e"}') ?? 0
    assert.ok(revision > 0)
    await becomes(1, 'flagstaff_snapshot_revision{environment="p/e"}', (value) => value === revision)
    await becomes(1, 'flagstaff_freshness_checks_total{source="redis",result="same"}', (value) => value > 0)
    await becomes(1, 'flagstaff_snapshot_source{environment="p/e",source="redis"}', (value) => value === 1)
  })

  test('invalidations are counted while a stream is open', async () => {
    const headers = { authorization: `Bearer ${replicas.adminKey}` }
    const response = await fetch(`${address(0)}/ofrep/v1/sse/flagSetId%3Dp%2Fe`, { headers })
    assert.equal(response.status, 200)
    const events = readEvents(response.body)
    await events.next('retry')
    await becomes(0, 'flagstaff_invalidations_subscribed', (value) => value === 1)
    // The subscription takes a moment to start: earlier invalidations are lost.
    for (let turn = 0; (await sample(0, 'flagstaff_invalidations_received_total')) === 0 && turn < 50; turn += 1)
      await change(1, turn % 2 === 0 ? 'on' : 'off')
    await becomes(0, 'flagstaff_invalidations_received_total', (value) => value > 0)
    await events.cancel()
    await becomes(0, 'flagstaff_ofrep_streams_ended_total{reason="client"}', (value) => value === 1)
  })

  test('a damaged copy is counted', async () => {
    const { send, close } = openRedis(parseRedisUrl(replicas.redis.url))
    await send(['SET', 'flagstaff:{p/e}:stamp', 'nonsense'])
    await close()
    await becomes(0, 'flagstaff_redis_damaged_copies_total', (value) => value > 0)
  })

  test('an unreachable Redis is counted, and evaluation continues', async () => {
    await replicas.redis.kill()
    await change(0, 'on')
    assert.equal(await evaluate(address(0), replicas.adminKey), true)
    await becomes(0, 'flagstaff_redis_call_duration_seconds_count{call="read_stamp",code="failed"}', (n) => n > 0)
    await becomes(0, 'flagstaff_snapshot_source{environment="p/e",source="postgres"}', (value) => value === 1)
  })

  test('the metrics of a real process satisfy Prometheus', {
    skip: HAS_PROMTOOL ? false : 'there is no promtool on this machine',
  }, async () => {
    assert.equal(await lint(await scrape(0)), '')
  })
})

test('a deployment can hide its metrics', async () => {
  const service = await startService({ DATABASE_URL: 'postgres://127.0.0.1:1/none', FLAGSTAFF_METRICS: 'off' })
  assert.equal((await fetch(`${service.address}/metrics`)).status, 404)
  assert.equal((await fetch(`${service.address}/livez`)).status, 200)
  service.child.kill('SIGTERM')
  await service.ended
})
