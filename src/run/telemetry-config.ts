import type { Sampling } from '../telemetry/sampler.ts'
import { integer, isHttpUrl, oneOf, share, text, type Values } from './config-values.ts'

const endpoint = text(undefined, isHttpUrl, 'expected http://… or https://…')
const protocol = text(undefined, (name) => name === 'http/protobuf', 'only http/protobuf is spoken')
const exporter = oneOf(undefined, ['otlp', 'none'])
const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const

/**
 * OpenTelemetry's own variables, as far as we read them ourselves (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/);
 * those about the resource and about reaching the collector are read by the SDK.
 */
export const TELEMETRY_VARIABLES = {
  OTEL_SDK_DISABLED: oneOf('false', ['true', 'false']),
  OTEL_TRACES_EXPORTER: exporter,
  OTEL_LOGS_EXPORTER: exporter,
  OTEL_METRICS_EXPORTER: exporter,
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol,
  OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: protocol,
  OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: protocol,
  OTEL_TRACES_SAMPLER: oneOf('parentbased_always_on', SAMPLERS),
  OTEL_TRACES_SAMPLER_ARG: share(1),
  OTEL_BSP_SCHEDULE_DELAY: integer(5_000, 1, 600_000),
  OTEL_BSP_MAX_QUEUE_SIZE: integer(2_048, 1, 100_000),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: integer(512, 1, 10_000),
  OTEL_BLRP_SCHEDULE_DELAY: integer(1_000, 1, 600_000),
  OTEL_BLRP_MAX_QUEUE_SIZE: integer(2_048, 1, 100_000),
  OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: integer(512, 1, 10_000),
  OTEL_METRIC_EXPORT_INTERVAL: integer(60_000, 100, 3_600_000),
  FLAGSTAFF_EXPOSURE_SAMPLE: share(1),
}

/** What waits to be sent: how much at most, how much goes at once, and how long the first of it waits. */
export type Queue = { readonly capacity: number; readonly batchMax: number; readonly delayMs: number }
/** What is sent to a collector; each undefined where nothing is. */
export type TelemetryConfig = {
  readonly traces: (Queue & { readonly sampling: Sampling }) | undefined
  readonly exposures: (Queue & { readonly share: number }) | undefined
  readonly metrics: { readonly intervalMs: number } | undefined
  /** Whether clients in this process may have to go through a proxy. */
  readonly isProxied: boolean
}

type Read = Values<typeof TELEMETRY_VARIABLES>
/** Not ours: some clients heed them, and some do not. */
const PROXIES = ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY']

/**
 * Traces are sent where an endpoint is named or an exporter is, exposures and metrics only where their exporter is: nobody expects each
 * evaluation to be sent because traces are.
 */
export function telemetryOf(read: Read, env: Readonly<Record<string, string | undefined>>): TelemetryConfig {
  const isOn = read.OTEL_SDK_DISABLED === 'false'
  const hasEndpoint = (read.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? read.OTEL_EXPORTER_OTLP_ENDPOINT) !== undefined
  const traces = read.OTEL_TRACES_EXPORTER ?? (hasEndpoint ? 'otlp' : 'none')
  return {
    traces: isOn && traces === 'otlp' ? { ...queueOf(read, 'BSP'), sampling: samplingOf(read) } : undefined,
    exposures:
      isOn && read.OTEL_LOGS_EXPORTER === 'otlp'
        ? { ...queueOf(read, 'BLRP'), share: read.FLAGSTAFF_EXPOSURE_SAMPLE }
        : undefined,
    metrics:
      isOn && read.OTEL_METRICS_EXPORTER === 'otlp' ? { intervalMs: read.OTEL_METRIC_EXPORT_INTERVAL } : undefined,
    isProxied: PROXIES.some((name) => env[name]),
  }
}

function queueOf(read: Read, name: 'BSP' | 'BLRP'): Queue {
  const capacity = read[`OTEL_${name}_MAX_QUEUE_SIZE`]
  const batchMax = Math.min(read[`OTEL_${name}_MAX_EXPORT_BATCH_SIZE`], capacity)
  return { capacity, batchMax, delayMs: read[`OTEL_${name}_SCHEDULE_DELAY`] }
}

function samplingOf({ OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: ratio }: Read): Sampling {
  const followsParent = sampler.startsWith('parentbased_')
  if (sampler.endsWith('always_on')) return { ratio: 1, followsParent }
  return { ratio: sampler.endsWith('always_off') ? 0 : ratio, followsParent }
}
