import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, afterEach, before, describe, test } from 'node:test'
import { sql } from 'drizzle-orm'
import { Service } from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { buildProgram } from '../support/build.ts'
import { GrpcClient } from '../support/grpc.ts'
import { type Knative, type KnativeOptions, startKnative } from '../support/knative.ts'
import { kill, RUNTIME, startService } from '../support/process.ts'
import { HAS_REDIS, type RedisServer, startRedis } from '../support/redis.ts'
import { request } from '../support/replicas.ts'
import { openStore, type Store } from '../support/store.ts'

const CYCLES = Number(process.env['ZERO_CYCLES'] ?? 25)
/** Cycles of one test, so that each test stays far below its time limit. */
const BATCH = 25
/** Concurrent requests that arrive without a replica. */
const BURST = 12
const EVALUATE = '/ofrep/v1/evaluate/flags'
const ADMIN_KEY = randomBytes(24).toString('base64url')
const FLAG = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
const FLAGS = ['a', 'b', 'c']
const TIMES = { idleMs: 60, lagMs: 30, quietMs: 80, timeoutMs: 20_000 }

describe('behind a stand-in for Knative', {
  skip: HAS_REDIS ? false : 'there is no redis-server on this machine',
}, () => {
  const program = buildProgram()
  let store: Store
  let redis: RedisServer
  let env: Record<string, string>
  let key = ''
  let knative: Knative | undefined
  before(async () => {
    store = await openStore()
    redis = await startRedis()
    env = { DATABASE_URL: store.url, REDIS_URL: redis.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY }
    const service = await startService(env, program)
    const make = async (method: string, path: string, body: object) =>
      (await request(service.address, ADMIN_KEY, { method, path: `/api/v1${path}`, body })).body
    await make('POST', '/projects', { key: 'p' })
    await make('POST', '/projects/p/environments', { key: 'e' })
    for (const flag of FLAGS) await make('PUT', `/projects/p/environments/e/flags/${flag}`, FLAG)
    const environment = { project: 'p', environment: 'e' }
    key = (await make('POST', '/keys', { name: 'load', role: 'server', environment })).secret
    await kill(service)
  })
  afterEach(async () => {
    await knative?.close()
  })
  after(async () => {
    await redis.kill()
    await store.close()
    program.remove()
  })

  const start = async (options: Partial<KnativeOptions> = {}): Promise<Knative> => {
    knative = await startKnative({ env, runtime: RUNTIME, file: program.file, ...TIMES, ...options })
    return knative
  }
  const stored = async (): Promise<Record<string, number>> => {
    const { rows } = await store.database.read((db) =>
      db.execute<{ flag: string; n: number }>(
        sql`select key as flag, sum(count)::int as n from flagstaff.usage join flagstaff.flags on id = flag_id group by key`,
      ),
    )
    return Object.fromEntries(rows.map(({ flag, n }) => [flag, n]))
  }
  const evaluateAt = (at: Knative, path: string) =>
    request(at.address, key, { method: 'POST', path, body: { context: { targetingKey: 'ada' } } })

  /** Evaluates single flags, all flags, and over gRPC; every response must be correct. */
  const burst = async (at: Knative, client: GrpcClient): Promise<void> => {
    const singles = Array.from({ length: BURST }, async (_, n) => {
      const { status, body } = await evaluateAt(at, `${EVALUATE}/${FLAGS[n % FLAGS.length]}`)
      assert.deepEqual([status, body.value], [200, true], JSON.stringify(body))
    })
    const bulk = async () => {
      const { status, body } = await evaluateAt(at, EVALUATE)
      assert.deepEqual([status, body.flags.length], [200, FLAGS.length], JSON.stringify(body))
    }
    const call = async () => {
      const answer = await client.call(Service, 'resolveBoolean', { flagKey: 'a' })
      assert.equal(answer.message?.value, true, JSON.stringify(answer))
    }
    await Promise.all([...singles, bulk(), call(), call()])
  }
  /** Evaluations of a burst, by flag. */
  const COUNTED: Record<string, number> = {
    a: BURST / FLAGS.length + 3,
    b: BURST / FLAGS.length + 1,
    c: BURST / FLAGS.length + 1,
  }

  let bursts = 0
  for (let first = 1; first <= CYCLES; first += BATCH) {
    const last = Math.min(first + BATCH - 1, CYCLES)
    test(`cycles ${first} to ${last} of ${CYCLES} from zero and back: each request is answered, and counted`, async () => {
      const at = await start()
      const client = new GrpcClient(at.h2cPort, { key })
      let cycles = 0
      for (let cycle = first; cycle <= last; cycle += 1) {
        await burst(at, client)
        bursts += 1
        await at.next('draining')
        if (cycle % 3 === 0) {
          await burst(at, client) // some reach the terminating replica, and delay its end
          bursts += 1
        }
        await at.next('terminating') // the next one starts during the end of this one
        cycles += 1
      }
      for (; cycles > 0; cycles -= 1) {
        const { code, output } = await at.next('ended')
        assert.equal(code, 0, output)
        assert.doesNotMatch(output, /"level":"error"|Cutting|Gave up|uncounted/)
      }
      client.close()
      await at.close()
      const counted = Object.fromEntries(FLAGS.map((flag) => [flag, (COUNTED[flag] ?? 0) * bursts]))
      assert.deepEqual(await stored(), counted)
    })
  }

  test('a terminating replica answers requests, each of which delays SIGTERM, and is not ready', async () => {
    const at = await start({ lagMs: 500, quietMs: 700 })
    await evaluateAt(at, EVALUATE)
    await at.next('draining')
    const probe = await fetch(`${at.address}/readyz`, { headers: { 'user-agent': 'Knative-Activator-Probe' } })
    assert.deepEqual([probe.status, await probe.text()], [503, 'shutting down'])
    const begin = performance.now()
    assert.equal((await evaluateAt(at, EVALUATE)).status, 200)
    await at.next('terminating')
    assert.ok(performance.now() - begin >= 700)
    assert.equal((await at.next('ended')).code, 0)
  })

  test('an event stream keeps its replica, and is cut at the request timeout with Knative’s error', async () => {
    const at = await start({ timeoutMs: 1_000 })
    const { body } = await evaluateAt(at, EVALUATE)
    const stream = await fetch(at.address + body.eventStreams[0].endpoint.requestUri)
    assert.match(await stream.text(), /^retry: \d+\n\n[\s\S]*request timeout$/)
    await at.next('draining')
    assert.equal((await at.next('ended')).code, 0)
  })
})
