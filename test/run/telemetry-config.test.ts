import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from '../../src/run/config.ts'

const telemetry = (env: Record<string, string>) => readConfig({ DATABASE_URL: 'postgres://a/b', ...env }).telemetry
const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }

for (const [name, env, kinds] of [
  ['nothing', {}, []],
  ['an endpoint', ENDPOINT, ['traces']],
  ['an endpoint for traces', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }, ['traces']],
  ['an endpoint for metrics', { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://collector:4318/v1/metrics' }, []],
  ['an exporter, whose endpoint is the usual one', { OTEL_TRACES_EXPORTER: 'otlp' }, ['traces']],
  ['an endpoint and no exporter', { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, []],
  ['logs', { ...ENDPOINT, OTEL_LOGS_EXPORTER: 'otlp' }, ['traces', 'exposures']],
  ['metrics', { ...ENDPOINT, OTEL_METRICS_EXPORTER: 'otlp' }, ['traces', 'metrics']],
  ['all and the SDK disabled', { ...ENDPOINT, OTEL_LOGS_EXPORTER: 'otlp', OTEL_SDK_DISABLED: 'true' }, []],
] as const)
  test(`with ${name}, ${kinds.join(' and ') || 'nothing'} is sent`, () => {
    const config = telemetry(env)
    assert.deepEqual(
      (['traces', 'exposures', 'metrics'] as const).filter((kind) => config[kind] !== undefined),
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

test('a proxy that some clients go through is known', () => {
  assert.equal(telemetry(ENDPOINT).isProxied, false)
  for (const name of ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'])
    assert.equal(telemetry({ ...ENDPOINT, [name]: 'http://proxy:3128' }).isProxied, true, name)
})

test('queues are as OpenTelemetry has them, and as they are set; a batch is no larger than its queue', () => {
  assert.deepEqual(telemetry(ENDPOINT).traces, {
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
  assert.deepEqual(telemetry(env).exposures, { share: 0.5, capacity: 100, batchMax: 100, delayMs: 1_000 })
})

test('every mistake is named at once', () => {
  const env = {
    OTEL_TRACES_EXPORTER: 'zipkin',
    OTEL_TRACES_SAMPLER: 'some',
    OTEL_TRACES_SAMPLER_ARG: '1.5',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318',
    FLAGSTAFF_EXPOSURE_SAMPLE: 'half',
    FLAGSTAFF_ACCESS_LOG: 'yes',
  }
  assert.throws(
    () => telemetry(env),
    (error: Error) => {
      for (const name of Object.keys(env)) assert.ok(error.message.includes(`${name}: `), name)
      return true
    },
  )
})
