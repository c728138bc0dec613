import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from '../../src/config/config.ts'

const DATABASE_URL = 'postgres://user@a/b'
const telemetry = (env: Record<string, string>) => readConfig({ DATABASE_URL, ...env }).telemetry
const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }

for (const [name, env, kinds] of [
  ['nothing', {}, []],
  ['an endpoint', ENDPOINT, ['traces']],
  ['an endpoint for traces', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }, ['traces']],
  ['an endpoint for metrics', { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://collector:4318/v1/metrics' }, []],
  ['an exporter, whose endpoint is the usual one', { OTEL_TRACES_EXPORTER: 'otlp' }, ['traces']],
  ['an endpoint and no exporter', { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, []],
  ['logs', { ...ENDPOINT, OTEL_LOGS_EXPORTER: 'otlp' }, ['traces', 'evaluationEvents']],
  ['metrics', { ...ENDPOINT, OTEL_METRICS_EXPORTER: 'otlp' }, ['traces', 'metrics']],
  ['all and the SDK disabled', { ...ENDPOINT, OTEL_LOGS_EXPORTER: 'otlp', OTEL_SDK_DISABLED: 'true' }, []],
] as const)
  test(`with ${name}, ${kinds.join(' and ') || 'nothing'} is sent`, () => {
    const config = telemetry(env)
    assert.deepEqual(
      (['traces', 'evaluationEvents', 'metrics'] as const).filter((kind) => config[kind] !== undefined),
      kinds,
    )
  })

for (const [sampler, sampling] of [
  ['always_on', { ratio: 1, followsParent: false }],
  ['always_off', { ratio: 0, followsParent: false }],
  ['traceidratio', { ratio: 0.25, followsParent: false }],
  ['parentbased_always_on', { ratio: 1, followsParent: true }],
  ['parentbased_always_off', { ratio: 0, followsParent: true }],
  ['parentbased_traceidratio', { ratio: 0.25, followsParent: true }],
] as const)
  test(`OTEL_TRACES_SAMPLER=${sampler}`, () => {
    const env = { ...ENDPOINT, OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: '0.25' }
    assert.deepEqual(telemetry(env).traces?.sampling, sampling)
  })

test('queues are as OpenTelemetry has them, and as they are set; a batch is no larger than its queue', () => {
  assert.deepEqual(telemetry(ENDPOINT).traces, {
    protocol: 'http/protobuf',
    sampling: { ratio: 1, followsParent: true },
    capacity: 2_048,
    batchMax: 512,
    delayMs: 5_000,
  })
  const env = {
    ...ENDPOINT,
    OTEL_LOGS_EXPORTER: 'otlp',
    OTEL_BLRP_MAX_QUEUE_SIZE: '100',
    FLAGSTAFF_EXPOSURE_SAMPLE: '.5',
  }
  const { protocol, ...events } = telemetry(env).evaluationEvents ?? {}
  assert.deepEqual(events, { ratio: 0.5, capacity: 100, batchMax: 100, delayMs: 1_000 })
})

test('each signal has its own protocol, or that of all', () => {
  const env = {
    ...ENDPOINT,
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_LOGS_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: 'http/protobuf',
  }
  const { traces, evaluationEvents, metrics } = telemetry(env)
  assert.deepEqual(
    [traces, evaluationEvents, metrics].map((signal) => signal?.protocol),
    ['http/json', 'http/protobuf', 'http/json'],
  )
})

test('variables of ours are mistakes when they are wrong', () => {
  for (const env of [{ FLAGSTAFF_EXPOSURE_SAMPLE: 'half' }, { FLAGSTAFF_ACCESS_LOG: 'yes' }])
    assert.throws(() => telemetry(env), new RegExp(`^Error: Cannot start: ${Object.keys(env)[0]}: `))
})

const WRONG = {
  OTEL_TRACES_EXPORTER: 'zipkin',
  OTEL_TRACES_SAMPLER: 'jaeger_remote',
  OTEL_TRACES_SAMPLER_ARG: '1.5',
  OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'collector:4318',
  OTEL_BSP_MAX_QUEUE_SIZE: 'many',
  OTEL_METRIC_EXPORT_INTERVAL: '-1',
  OTEL_SDK_DISABLED: 'yes',
}

test('what is wrong in a variable of OpenTelemetry is a warning, and counts as not set', () => {
  const { telemetry, warnings } = readConfig({ DATABASE_URL, ...ENDPOINT, ...WRONG })
  assert.deepEqual(warnings.map((warning) => warning.split(': ')[0]).sort(), Object.keys(WRONG).sort())
  assert.deepEqual(telemetry, readConfig({ DATABASE_URL, ...ENDPOINT }).telemetry)
  assert.ok(!warnings.join().includes('collector:4318'))
})

test('nothing matters while the SDK is disabled, in whatever case that is written', () => {
  for (const OTEL_SDK_DISABLED of ['true', 'TRUE', 'True', ' true\n']) {
    const { telemetry, warnings } = readConfig({ DATABASE_URL, ...ENDPOINT, ...WRONG, OTEL_SDK_DISABLED })
    assert.deepEqual(
      [telemetry.traces, telemetry.evaluationEvents, telemetry.metrics, warnings],
      [undefined, undefined, undefined, []],
    )
  }
})

test('of several exporters those that are supported are used', () => {
  const { telemetry, warnings } = readConfig({ DATABASE_URL, OTEL_METRICS_EXPORTER: 'otlp, prometheus' })
  assert.ok(telemetry.metrics)
  assert.match(warnings.join(), /^OTEL_METRICS_EXPORTER: /)
})
