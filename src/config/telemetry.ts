import { LEVELS } from '../telemetry/log.ts'
import type { Protocol, Queue, TelemetryConfig } from '../telemetry/open-telemetry.ts'
import type { Sampling } from '../telemetry/trace-context.ts'
import { integer, isHttpUrl, oneOf, share, text, type Values } from './variables.ts'

const ACCESS_LEVELS = ['none', 'some', 'all'] as const
export type AccessLevel = (typeof ACCESS_LEVELS)[number]

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const

const endpoint = text(undefined, isHttpUrl, 'expected http://… or https://…')
const PROTOCOLS: readonly Protocol[] = ['http/protobuf', 'http/json']
const protocol = oneOf(undefined, PROTOCOLS)
/** Names, separated by commas; checked where they are used, because those that are supported count beside those that are not. */
const exporter = text(undefined, () => true, '')

/**
 * OpenTelemetry's own variables, as far as we read them ourselves (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/);
 * those about the resource and about reaching the collector are read by the SDK. One that is wrong is a warning, and counts as not set.
 */
export const TELEMETRY_VARIABLES = {
  LOG_LEVEL: oneOf('info', LEVELS),
  FLAGSTAFF_ACCESS_LOG: oneOf(undefined, ACCESS_LEVELS),
  FLAGSTAFF_EXPOSURE_SAMPLE: share(1),
  OTEL_SDK_DISABLED: text('false', (value) => /^(true|false)$/i.test(value), 'expected true or false'),
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
}

type Read = Values<typeof TELEMETRY_VARIABLES>

export const isDisabled = (read: Read): boolean => read.OTEL_SDK_DISABLED.toLowerCase() === 'true'

/**
 * Traces are sent where an endpoint or an exporter is named, exposures and metrics only where their exporter is: traces alone are no reason
 * to send an event for each evaluation.
 */
export function telemetryOf(read: Read, warnings: string[]): TelemetryConfig {
  const hasEndpoint = (read.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? read.OTEL_EXPORTER_OTLP_ENDPOINT) !== undefined
  const sends = (signal: Signal, byDefault: boolean) => isSent(read, signal, warnings) ?? byDefault
  const [traces, exposures, metrics] = [sends('TRACES', hasEndpoint), sends('LOGS', false), sends('METRICS', false)]
  const isOn = !isDisabled(read)
  return {
    traces:
      isOn && traces
        ? { ...queueOf(read, 'BSP'), protocol: protocolOf(read, 'TRACES'), sampling: samplingOf(read) }
        : undefined,
    exposures:
      isOn && exposures
        ? { ...queueOf(read, 'BLRP'), protocol: protocolOf(read, 'LOGS'), share: read.FLAGSTAFF_EXPOSURE_SAMPLE }
        : undefined,
    metrics:
      isOn && metrics
        ? { protocol: protocolOf(read, 'METRICS'), intervalMs: read.OTEL_METRIC_EXPORT_INTERVAL }
        : undefined,
  }
}

type Signal = 'TRACES' | 'LOGS' | 'METRICS'

/** Whether the exporter of a signal is OTLP; undefined when none that is supported is named. */
function isSent(read: Read, signal: Signal, warnings: string[]): boolean | undefined {
  const list = read[`OTEL_${signal}_EXPORTER`]
  const names = list?.split(',').map((name) => name.trim()) ?? []
  const isKnown = (name: string) => name === 'otlp' || name === 'none'
  if (!names.every(isKnown)) warnings.push(`OTEL_${signal}_EXPORTER: only otlp and none are supported`)
  return names.some(isKnown) ? names.includes('otlp') : undefined
}

const protocolOf = (read: Read, signal: Signal): Protocol =>
  read[`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`] ?? read.OTEL_EXPORTER_OTLP_PROTOCOL ?? 'http/protobuf'

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
