import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseDatabaseUrl } from '../../src/config/database.ts'
import { parseRedisUrl } from '../../src/config/redis.ts'
import { connect } from '../../src/repository/postgres/connection/failover-pool.ts'
import { openDatabase } from '../../src/repository/postgres/database.ts'
import { renewIncarnation } from '../../src/repository/postgres/schema.ts'
import type { SendCommand } from '../../src/repository/redis/address.ts'
import { openRedis, type RedisConnection } from '../../src/repository/redis/client.ts'
import { type SnapshotStore, snapshotStoreIn } from '../../src/repository/redis/snapshot-store.ts'
import { samplesIn } from '../support/metrics.ts'
import { startProxy, type TcpProxy, type Way } from '../support/proxy.ts'
import { HAS_REDIS, type RedisServer, startRedis } from '../support/redis.ts'
import { openService, type Service } from '../support/service.ts'
import { openStore, type Store } from '../support/store.ts'

const ENVIRONMENT = '/api/v1/projects/p/environments/e'
const on = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
const off = { ...on, defaultVariant: 'off' }

describe('with Postgres and Redis behind proxies', {
  skip: HAS_REDIS ? false : 'there is no redis-server on this machine',
}, () => {
  let store: Store
  let redis: RedisServer
  let toPostgres: TcpProxy
  let toRedis: TcpProxy
  let now = 0
  const replicas: { service: Service; close(): Promise<void> }[] = []
  before(async () => {
    store = await openStore()
    redis = await startRedis()
    const { hostname, port } = new URL(store.url)
    toPostgres = await startProxy({ host: hostname, port: Number(port || 5432) })
    toRedis = await startProxy({ host: '127.0.0.1', port: redis.port })
    const direct = await openService({ store })
    await direct.call('POST', '/api/v1/projects', { body: { key: 'p' } })
    await direct.call('POST', '/api/v1/projects/p/environments', { body: { key: 'e' } })
  })
  after(async () => {
    await Promise.all(replicas.map(({ close }) => close()))
    await Promise.all([toPostgres.close(), toRedis.close()])
    await redis.kill()
    await store.close()
  })
  beforeEach(async () => {
    toPostgres.set('open')
    toRedis.set('open')
    await Promise.all(replicas.splice(0).map(({ close }) => close()))
  })

  /** A replica that reaches both through the proxies, with a clock that the test sets. */
  const startReplica = async (): Promise<Service> => {
    const url = new URL(store.url)
    url.host = `127.0.0.1:${toPostgres.port}`
    const database = openDatabase(parseDatabaseUrl(url.href))
    const connection: RedisConnection = openRedis(parseRedisUrl(`redis://127.0.0.1:${toRedis.port}`))
    const snapshotStore: SnapshotStore = snapshotStoreIn(connection.send, () => undefined)
    const service = await openService({ store: { ...store, url: url.href, database }, snapshotStore, now: () => now })
    const close = async () => {
      await connection.close()
      await database.close()
    }
    replicas.push({ service, close })
    return service
  }
  const evaluate = async (service: Service) => {
    const headers = { 'flagd-selector': 'flagSetId=p/e' }
    const { status, body } = await service.call('POST', '/ofrep/v1/evaluate/flags/a', { body: {}, headers })
    return status === 200 ? body.value : status
  }
  const put = (service: Service, body: object) => service.call('PUT', `${ENVIRONMENT}/flags/a`, { body })
  /** Repeats until the expected result: the time that a reconnect takes is not under our control. */
  const becomes = async (wanted: unknown, ask: () => Promise<unknown>) => {
    const deadline = performance.now() + 15_000
    let seen: unknown
    while (performance.now() < deadline) {
      now += 20_000
      seen = await ask()
      if (seen === wanted) return
      await sleep(20)
    }
    assert.equal(seen, wanted)
  }

  for (const [name, proxy] of [
    ['Postgres', () => toPostgres],
    ['Redis', () => toRedis],
  ] as const)
    for (const way of ['refused', 'hanging', { delayMs: 3_000 }] as const satisfies Way[])
      test(`${name} ${typeof way === 'string' ? way : 'slow'}: evaluation goes on, writes are refused or done, and all heals`, async () => {
        const [writer, reader] = [await startReplica(), await startReplica()]
        assert.equal((await put(writer, on)).status, 200)
        await becomes(true, () => evaluate(reader))
        proxy().set(way)
        for (let turn = 0; turn < 3; turn++) {
          now += 20_000
          assert.equal(await evaluate(reader), true)
        }
        const write = await put(writer, off)
        if (name === 'Postgres') {
          assert.equal(write.status, 503)
          assert.ok(Number(write.headers.get('retry-after')) >= 1)
          const { status, body } = await reader.call('GET', '/readyz')
          assert.deepEqual([status, body.status], [200, 'degraded'])
          assert.ok(body.ageSeconds >= 0)
        } else assert.equal(write.status, 200)
        proxy().set('open')
        if (name === 'Postgres') await becomes(200, async () => (await put(writer, off)).status)
        await becomes(false, () => evaluate(writer))
        await becomes(false, () => evaluate(reader))
        await becomes('ready', async () => {
          await evaluate(reader)
          return (await reader.call('GET', '/readyz')).body.status
        })
        const { body } = await (await openService({ store })).call('GET', `${ENVIRONMENT}/flagset`)
        assert.equal(body.flags.a.defaultVariant, 'off')
      })

  test('without both a warm replica answers; a cold one answers with only Redis and with only Postgres', async () => {
    const warm = await startReplica()
    await put(warm, on)
    toPostgres.set('refused')
    const cold = await startReplica()
    assert.equal(await evaluate(cold), true, 'from the copy')
    toRedis.set('refused')
    now += 60_000
    assert.equal(await evaluate(warm), true)
    assert.equal(await evaluate(await startReplica()), 503)
    toPostgres.set('open')
    assert.equal(await evaluate(await startReplica()), true, 'from Postgres')
  })

  test('cached data has the source of its last confirmation, and the time', async () => {
    await put(await startReplica(), on)
    const replica = await startReplica()
    assert.equal(await evaluate(replica), true)
    const held = await replica.snapshots.replicated('p/e')
    const seen = async () => {
      now += 20_000
      await held.check()
      return [held.source, held.unconfirmedMs]
    }
    assert.equal(held.source, 'redis', 'the copy')
    assert.deepEqual(await seen(), ['postgres', 0])
    now += 2_000
    await held.check()
    assert.equal(held.source, 'redis', 'the stamp')
    toPostgres.set('refused')
    assert.deepEqual(await seen(), ['redis', 0])
    toRedis.set('refused')
    assert.deepEqual(await seen(), ['memory', 20_000])
    assert.deepEqual(await seen(), ['memory', 40_000])
    const { text } = await replica.call('GET', '/metrics')
    const samples = samplesIn(text)
    assert.equal(samples.get('flagstaff_snapshot_source{environment="p/e",source="memory"}'), 1)
    assert.equal(samples.get('flagstaff_snapshot_age_seconds{environment="p/e"}'), 40)
    assert.ok((samples.get('flagstaff_freshness_checks_total{source="postgres",result="failed"}') ?? 0) >= 3)
  })

  test('a cold replica reads Redis once and Postgres not at all before its first response', async () => {
    await put(await startReplica(), on)
    const connections = toPostgres.connections()
    const cold = await startReplica()
    assert.equal(await evaluate(cold), true)
    assert.equal(toPostgres.connections(), connections)
  })

  test('without requests no command is sent', async () => {
    const idle = await startReplica()
    await put(idle, on)
    await evaluate(idle)
    const { send, close } = openRedis(parseRedisUrl(redis.url))
    const commands = async () =>
      Number(/total_commands_processed:(\d+)/.exec(String(await send(['INFO', 'stats'])))?.[1])
    const first = await commands()
    now += 3_600_000
    await sleep(1_500) // longer than every interval that could start work
    assert.equal(await commands(), first + 1, 'only the question itself')
    await close()
  })

  test('a change whose Redis write was lost reaches all replicas at the next database check, and Redis is repaired', async () => {
    const [writer, reader] = [await startReplica(), await startReplica()]
    await put(writer, on)
    await becomes(true, () => evaluate(reader))
    toRedis.set('refused')
    assert.equal((await put(writer, off)).status, 200)
    toRedis.set('open')
    await becomes(false, () => evaluate(reader))
    await becomes(false, async () => {
      await evaluate(reader)
      toPostgres.set('refused')
      const seen = await evaluate(await startReplica())
      toPostgres.set('open')
      return seen
    })
  })

  test('a Redis that lost its data, or returned with old or foreign data, causes no wrong result', async () => {
    const [writer, reader] = [await startReplica(), await startReplica()]
    const { send, close } = openRedis(parseRedisUrl(redis.url))
    await put(writer, on)
    const keys = ['flagstaff:{p/e}:stamp', 'flagstaff:{p/e}:copy']
    const old = await Promise.all(keys.map((key) => send(['GET', key])))
    await put(writer, off)
    await becomes(false, () => evaluate(reader))
    for (const spoil of [
      () => send(['FLUSHALL']),
      () => Promise.all(keys.map((key, index) => send(['SET', key, String(old[index])]))),
      () => send(['SET', keys[0] ?? '', 'other-incarnation 999999']),
      () => send(['SET', keys[1] ?? '', 'rubbish']),
    ]) {
      await spoil()
      for (let turn = 0; turn < 3; turn++) {
        now += 1_500
        assert.equal(await evaluate(reader), false)
        assert.equal(await evaluate(writer), false)
      }
    }
    await close()
  })

  const COPY = 'flagstaff:{p/e}:copy'
  for (const [what, spoil] of [
    ['is damaged', (send) => send(['SET', COPY, 'rubbish'])],
    ['is gone', (send) => send(['DEL', COPY])],
    [
      'another version wrote',
      async (send) => {
        const snapshotStore = snapshotStoreIn(send, () => undefined)
        const { revisionId: stamp } = (await snapshotStore.read('p/e')) ?? {}
        assert.ok(stamp)
        await snapshotStore.remove('p/e')
        await snapshotStore.write('p/e', { revisionId: stamp, text: '{"flags":[]}' })
      },
    ],
  ] satisfies [string, (send: SendCommand) => Promise<unknown>][])
    test(`a copy that ${what} is replaced by the replica that could not start with it`, async () => {
      const { send, close } = openRedis(parseRedisUrl(redis.url))
      await put(await startReplica(), on)
      const whole = await send(['GET', COPY])
      await spoil(send)
      assert.notEqual(await send(['GET', COPY]), whole)
      assert.equal(await evaluate(await startReplica()), true)
      toPostgres.set('refused')
      assert.equal(await evaluate(await startReplica()), true, 'from the copy')
      assert.equal(await send(['GET', COPY]), whole)
      await close()
    })

  test('after a restore and a new incarnation every replica takes the lower revision; before it none goes back', async () => {
    const [writer, reader] = [await startReplica(), await startReplica()]
    await put(writer, on)
    await put(writer, off)
    await becomes(false, () => evaluate(reader))
    const revision = async () => (await writer.call('GET', ENVIRONMENT)).body.revision
    const seen = await revision()
    const client = await connect(parseDatabaseUrl(store.url))
    // State after a restore: an earlier revision with its data.
    await client.query('update flagstaff.definitions set definition = $1, revision = 1', [JSON.stringify(on)])
    await client.query('update flagstaff.environments set revision = 1')
    for (let turn = 0; turn < 3; turn++) {
      now += 20_000
      assert.equal(await evaluate(reader), false, 'older, and not known to be a restore')
    }
    await renewIncarnation(client)
    await becomes(true, () => evaluate(reader))
    await becomes(true, () => evaluate(writer))
    await becomes(true, async () => {
      const cold = await startReplica()
      return evaluate(cold)
    })
    await client.query('update flagstaff.environments set revision = $1', [seen + 100])
    await client.end()
  })
})
