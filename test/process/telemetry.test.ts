import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { type Collector, type Mood, startCollector } from '../support/collector.ts'
import { samplesIn } from '../support/metrics.ts'
import { kill, type Running, startService } from '../support/process.ts'
import { evaluate, FLAG_SET, request } from '../support/replicas.ts'
import { openStore, type Store } from '../support/store.ts'

const ADMIN_KEY = 'an-admin-key-for-this-test-only'
const DRAIN_SECONDS = 8

let store: Store
let collector: Collector
let service: Running | undefined
before(async () => {
  store = await openStore()
  const seed = await start({})
  await request(seed.address, ADMIN_KEY, { method: 'POST', path: '/api/v1/projects', body: { key: 'p' } })
  await request(seed.address, ADMIN_KEY, {
    method: 'POST',
    path: '/api/v1/projects/p/environments',
    body: { key: 'e' },
  })
  const body = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
  await request(seed.address, ADMIN_KEY, { method: 'PUT', path: `${FLAG_SET}/flags/a`, body })
  await stop(seed)
})
after(() => store.close())
beforeEach(async () => {
  collector = await startCollector()
})
afterEach(async () => {
  if (service) await kill(service)
  await collector.close()
})

async function start(env: Record<string, string>): Promise<Running> {
  const own = { DATABASE_URL: store.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY, DRAIN_SECONDS: String(DRAIN_SECONDS) }
  service = await startService({ ...own, ...env })
  return service
}

/** Stops it as a platform does, and returns the seconds that it took. */
async function stop({ child, ended }: Running): Promise<{ code: number | null; seconds: number }> {
  const start = performance.now()
  child.kill('SIGTERM')
  const { code } = await ended
  return { code, seconds: (performance.now() - start) / 1_000 }
}
const sample = async ({ address }: Running, name: string) =>
  samplesIn(await (await fetch(`${address}/metrics`)).text()).get(name) ?? 0

test('the last work before SIGTERM is exported: its span, its evaluation event and its count', async () => {
  const running = await start({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_LOGS_EXPORTER: 'otlp',
    OTEL_METRICS_EXPORTER: 'otlp',
  })
  assert.equal(await evaluate(running.address, ADMIN_KEY), true)
  assert.equal(await evaluate(running.address, ADMIN_KEY, 'none'), 404)
  assert.equal(collector.requests, 0, 'nothing is sent, and no SDK loaded, before it is due')
  assert.equal((await stop(running)).code, 0)
  const [found, missing] = collector.spans.filter(({ kind }) => kind === 2)
  assert.equal(found?.attributes['http.response.status_code'], 200)
  assert.equal(missing?.attributes['http.response.status_code'], 404)
  const [exposure, failure] = collector.records
  assert.equal(exposure?.eventName, 'feature_flag.evaluation')
  assert.deepEqual([exposure?.traceId, exposure?.spanId], [found?.traceId, found?.spanId])
  assert.equal(exposure?.attributes['feature_flag.result.variant'], 'on')
  assert.deepEqual(
    [
      failure?.attributes['feature_flag.key'],
      failure?.attributes['feature_flag.result.reason'],
      failure?.attributes['error.type'],
    ],
    ['none', 'error', 'flag_not_found'],
  )
  const count = (name: string, labels: Record<string, string>) =>
    collector.points.find(
      (point) =>
        point.name === name && Object.entries(labels).every(([label, value]) => point.attributes[label] === value),
    )?.value
  assert.equal(count('flagstaff_evaluations_total', { environment: 'p/e', reason: 'STATIC' }), 1)
  assert.equal(count('flagstaff_evaluations_total', { environment: 'p/e', error_code: 'FLAG_NOT_FOUND' }), 1)
  assert.equal(count('http_request_duration_seconds', { route: '/ofrep/v1/evaluate/flags/:key', status: '200' }), 1)
})

test('all signals are sent in JSON if the protocol is configured so', async () => {
  const running = await start({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_LOGS_EXPORTER: 'otlp',
    OTEL_METRICS_EXPORTER: 'otlp',
  })
  assert.equal(await evaluate(running.address, ADMIN_KEY), true)
  assert.equal((await stop(running)).code, 0)
  const sent = (path: string) => JSON.stringify(collector.json.get(path))
  assert.match(sent('/v1/traces'), /"name":"POST \/ofrep\/v1\/evaluate\/flags\/:key"/)
  assert.match(sent('/v1/logs'), /"eventName":"feature_flag.evaluation"/)
  assert.match(sent('/v1/metrics'), /"name":"flagstaff_evaluations_total"/)
})

test('evaluation events are exported with logs, and only the configured share', async () => {
  const running = await start({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'otlp',
    FLAGSTAFF_EXPOSURE_SAMPLE: '0.5',
  })
  for (let turn = 0; turn < 200; turn += 1) await evaluate(running.address, ADMIN_KEY)
  assert.equal((await stop(running)).code, 0)
  assert.deepEqual(collector.spans, [])
  assert.ok(collector.records.length > 50 && collector.records.length < 150, String(collector.records.length))
})

for (const [what, env] of [
  ['without an endpoint', {}],
  ['with the SDK disabled', { OTEL_SDK_DISABLED: 'true' }],
  ['with no exporter', { OTEL_TRACES_EXPORTER: 'none' }],
  ['with a sampler that keeps nothing', { OTEL_TRACES_SAMPLER: 'always_off' }],
] as const)
  test(`nothing is sent ${what}`, async () => {
    const endpoint = what === 'without an endpoint' ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint }
    const running = await start({ ...endpoint, ...env, OTEL_BSP_SCHEDULE_DELAY: '1' })
    assert.equal(await evaluate(running.address, ADMIN_KEY), true)
    await request(running.address, ADMIN_KEY, { method: 'GET', path: '/api/v1/projects' })
    assert.equal((await stop(running)).code, 0)
    assert.equal(collector.requests, 0)
  })

describe('a collector that is', () => {
  const env = () => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_LOGS_EXPORTER: 'otlp',
    OTEL_BSP_SCHEDULE_DELAY: '20',
    OTEL_BSP_MAX_QUEUE_SIZE: '64',
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '32',
    OTEL_BLRP_SCHEDULE_DELAY: '20',
    OTEL_BLRP_MAX_QUEUE_SIZE: '64',
    OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: '32',
  })
  for (const mood of ['refuses', 'hangs', 'dead'] as const)
    test(`${mood === 'dead' ? 'dead' : `there and ${mood}`} delays no response, takes no more memory than the queue, and the process ends in time`, async () => {
      const running = await start(env())
      if (mood === 'dead') await collector.close()
      else collector.mood = mood satisfies Mood
      for (let turn = 0; turn < 300; turn += 1) assert.equal(await evaluate(running.address, ADMIN_KEY), true)
      const dropped = (signal: string) => sample(running, `flagstaff_telemetry_dropped_total{signal="${signal}"}`)
      assert.ok((await dropped('spans')) > 100, 'spans that find the queue full are counted')
      assert.ok((await dropped('exposures')) > 100)
      const { code, seconds } = await stop(running)
      assert.equal(code, 0)
      assert.ok(seconds < DRAIN_SECONDS, `${seconds} s`)
      assert.match(
        running.output(),
        /"message":"(Cannot send telemetry to the collector|Cannot send the last telemetry)/,
      )
      if (mood === 'dead') collector = await startCollector()
    })
})

test('whatever a collector does, memory does not grow', async () => {
  collector.mood = 'hangs'
  const running = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_LOGS_EXPORTER: 'otlp' })
  const burst = async () => {
    const many = Array.from({ length: 25 }, async () => {
      for (let turn = 0; turn < 200; turn += 1) await evaluate(running.address, ADMIN_KEY)
    })
    await Promise.all(many)
    return sample(running, 'process_resident_memory_bytes')
  }
  await burst()
  const full = await burst()
  const later = await burst()
  assert.ok(later < full + 64e6, `${full} bytes after 10,000 evaluations, ${later} after 15,000`)
})
