import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { sql } from 'drizzle-orm'
import { buildProgram } from '../../support/build.ts'
import { kill, RUNTIME, startService } from '../../support/process.ts'
import { HAS_REDIS, type RedisServer, startRedis } from '../../support/redis.ts'
import { request } from '../../support/replicas.ts'
import { openStore, type Store } from '../../support/store.ts'
import { beginSlowly } from './slow-request.ts'
import { type Cluster, MISSING, startCluster } from './world.ts'

const CYCLES = Number(process.env['ZERO_CYCLES'] ?? 4)
/** Services that scale to zero and back side by side; their cold starts never overlap. */
const SERVICES = ['one', 'two', 'three', 'four']
/** Cycles of a service in one test: each takes a quarter of a minute, and the last pods drain for half a minute. */
const ROUNDS = 4
const BURST = 12
const EVALUATE = '/ofrep/v1/evaluate/flags'
const FLAG = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
const FLAGS = ['a', 'b', 'c']
/** A queue-proxy holds SIGTERM back for this long after the last request. */
const QUIET_MS = 30_000
/** The shortest times that Knative allows. */
const AUTOSCALER = { 'stable-window': '6s', 'scale-to-zero-grace-period': '6s' }
const ADMIN_KEY = randomBytes(24).toString('base64url')
const skip = MISSING ?? (HAS_REDIS ? false : 'there is no redis-server on this machine')

let program: ReturnType<typeof buildProgram>
let store: Store
let redis: RedisServer
let cluster: Cluster
let key = ''
before(async () => {
  if (skip) return
  program = buildProgram()
  store = await openStore()
  redis = await startRedis()
  const env = { DATABASE_URL: store.url, REDIS_URL: redis.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY }
  const service = await startService(env, program)
  const make = async (method: string, path: string, body: object) =>
    (await request(service.address, ADMIN_KEY, { method, path: `/api/v1${path}`, body })).body
  await make('POST', '/projects', { key: 'p' })
  await make('POST', '/projects/p/environments', { key: 'e' })
  for (const flag of FLAGS) await make('PUT', `/projects/p/environments/e/flags/${flag}`, FLAG)
  const environment = { project: 'p', environment: 'e' }
  key = (await make('POST', '/keys', { name: 'load', role: 'server', environment })).secret
  await kill(service)
  cluster = await startCluster({
    services: SERVICES,
    runtime: RUNTIME,
    file: program.file,
    secret: { 'database-url': store.url, 'redis-url': redis.url, 'admin-key': ADMIN_KEY },
    autoscaler: AUTOSCALER,
    // What Knative's webhook, which does not run here, would add.
    annotations: { 'autoscaling.knative.dev/class': 'kpa.autoscaling.knative.dev' },
  })
})
after(async () => {
  await cluster?.close()
  await redis?.kill()
  await store?.close()
  program?.remove()
})

/** Evaluations that were answered, by flag. */
const answered: Record<string, number> = Object.fromEntries(FLAGS.map((flag) => [flag, 0]))
const changed: string[] = []
const coldStarts: { readonly wholeMs: number; readonly startMs: number }[] = []
const addressOf = (service: string) => cluster.addresses[service] ?? ''
const call = (address: string, path: string) =>
  request(address, key, { method: 'POST', path, body: { context: { targetingKey: 'ada' } } })

const evaluate = async (address: string, flag: string) => {
  const { status, body } = await call(address, `${EVALUATE}/${flag}`)
  assert.deepEqual([status, body.value], [200, true], JSON.stringify(body))
  answered[flag] = (answered[flag] ?? 0) + 1
}
/** Evaluates single flags and all flags at once; every response must be correct. */
const burst = async (address: string) => {
  const bulk = async () => {
    const { status, body } = await call(address, EVALUATE)
    const values = FLAGS.map((flag) => body.flags?.find((one: any) => one.key === flag)?.value)
    assert.deepEqual([status, values], [200, FLAGS.map(() => true)], JSON.stringify(body))
    for (const { key: flag } of body.flags) if (flag in answered) answered[flag] = (answered[flag] ?? 0) + 1
  }
  await Promise.all([
    bulk(),
    ...Array.from({ length: BURST }, (_, n) => evaluate(address, FLAGS[n % FLAGS.length] ?? '')),
  ])
}
const changeFlag = async (address: string, flag: string) => {
  const path = `/api/v1/projects/p/environments/e/flags/${flag}`
  const { status, body } = await request(address, ADMIN_KEY, { method: 'PUT', path, body: FLAG })
  assert.ok(status === 200 || status === 201, `${status} ${JSON.stringify(body)}`)
  changed.push(flag)
}
const stored = async (): Promise<Record<string, number>> => {
  const { rows } = await store.database.read((db) =>
    db.execute<{ flag: string; n: number }>(
      sql`select key as flag, sum(count)::int as n from flagstaff.usage join flagstaff.flags on id = flag_id group by key`,
    ),
  )
  return Object.fromEntries(rows.filter(({ flag }) => flag in answered).map(({ flag, n }) => [flag, n]))
}

/** The cold starts so far, each after the one before. */
let last: Promise<void> = Promise.resolve()
/** The first request without a pod, until its answer. */
const startCold = async (service: string) => {
  const before = last
  const { promise, resolve } = Promise.withResolvers<void>()
  last = promise
  await before
  const [begin, at] = [performance.now(), Date.now()]
  await evaluate(addressOf(service), FLAGS[0] ?? '').finally(resolve)
  const wholeMs = performance.now() - begin
  const isOwn = (event: { deployment: string; at: number }) =>
    event.deployment.startsWith(`${service}-`) && event.at >= at
  const started = await cluster.next('started', isOwn)
  coldStarts.push({ wholeMs, startMs: wholeMs - (started.at - at) })
}

/** From zero and back; `ended` settles when the pod has ended, half a minute later. */
const cycle = async (service: string, flag: string): Promise<{ readonly ended: Promise<void> }> => {
  const begin = Date.now()
  const isOwn = (event: { deployment: string; at: number }) =>
    event.deployment.startsWith(`${service}-`) && event.at >= begin
  await startCold(service)
  await burst(addressOf(service))
  await changeFlag(addressOf(service), flag)
  const slow = await beginSlowly(addressOf(service), key)
  const { pod, address } = await cluster.next('deleted', isOwn)
  const { status, body } = await slow.finish()
  assert.deepEqual([status, JSON.parse(body).value], [200, true])
  answered['a'] = (answered['a'] ?? 0) + 1
  const direct = `http://${address}:8012`
  // Like an ingress that does not know yet. Each request puts SIGTERM off, counted from its arrival.
  const until = Date.now() + QUIET_MS
  await burst(direct)
  const isSame = (event: { pod: string }) => event.pod === pod
  const end = async () => {
    const { at } = await cluster.next('signalled', (event) => isSame(event) && event.container === 'flagstaff')
    assert.ok(at >= until, `SIGTERM ${until - at} ms early`)
    const { ends } = await cluster.next('ended', isSame)
    for (const [container, { code, output }] of Object.entries(ends)) assert.equal(code, 0, `${container}: ${output}`)
    assert.doesNotMatch(ends['flagstaff']?.output ?? '', /"level":"error"|Cutting|Gave up|uncounted/)
  }
  const ended = end()
  ended.catch(() => undefined) // awaited later
  return { ended }
}

for (const service of SERVICES)
  test(`behind Knative’s own programs the pods of the deployment of ${service} go, and each request of it was answered`, {
    skip,
  }, async () => {
    const isOwn = ({ deployment }: { deployment: string }) => deployment.startsWith(`${service}-`)
    await burst(addressOf(service))
    const answeredAt = Date.now()
    await cluster.next('deleted', (event) => isOwn(event) && event.at > answeredAt)
  })

for (let first = 1; first <= CYCLES; first += SERVICES.length * ROUNDS) {
  const end = Math.min(first + SERVICES.length * ROUNDS - 1, CYCLES)
  test(`cycles ${first} to ${end} of ${CYCLES} from zero and back: each request is answered, and counted`, {
    skip,
  }, async () => {
    const lanes = SERVICES.map(async (service, lane) => {
      const ends: Promise<void>[] = []
      for (let n = first + lane; n <= end; n += SERVICES.length) ends.push((await cycle(service, `flag-${n}`)).ended)
      return ends
    })
    await Promise.all((await Promise.all(lanes)).flat())
    assert.deepEqual(await stored(), answered)
  })
}

test('every flag that was changed meanwhile is there', { skip }, async () => {
  await evaluate(addressOf(SERVICES[0] ?? ''), 'a')
  const path = '/api/v1/projects/p/environments/e/flagset'
  const { body } = await request(addressOf(SERVICES[0] ?? ''), ADMIN_KEY, { method: 'GET', path })
  assert.deepEqual(Object.keys(body.flags).sort(), [...FLAGS, ...changed].sort())
  const of = (name: 'wholeMs' | 'startMs', part: number) => {
    const sorted = coldStarts.map((one) => one[name]).sort((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]?.toFixed(0)
  }
  const line = (name: 'wholeMs' | 'startMs') => `p50 ${of(name, 0.5)} ms, p99 ${of(name, 0.99)} ms`
  process.stdout.write(
    `${coldStarts.length} cold starts through Knative on ${RUNTIME}: request to answer ${line('wholeMs')}; from the start of the containers ${line('startMs')}\n`,
  )
})
