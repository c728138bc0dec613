import { ACCESS_LEVELS, LEVELS } from '../telemetry/log.ts'
import type { BatchConfig, Protocol, TelemetryConfig } from '../telemetry/open-telemetry.ts'
import type { Sampling } from '../telemetry/trace-context.ts'
import { anyText, integer, isHttpUrl, oneOf, share, text, type VariableValues } from './variables.ts'

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
/** Names, separated by commas. Unsupported names are ignored beside supported ones. */
const exporter = anyText(undefined)

/**
 * OpenTelemetry's variables (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). The SDK reads
 * those of the resource and of the connection to the collector. An invalid one is logged and treated as not set.
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

type TelemetryValues = VariableValues<typeof TELEMETRY_VARIABLES>

export const isDisabled = (values: TelemetryValues): boolean => values.OTEL_SDK_DISABLED.toLowerCase() === 'true'

/**
 * Traces are exported if an endpoint or their exporter is set. Evaluation events and metrics need their exporter: an endpoint
 * for traces should not cause an event for each evaluation.
 */
export function telemetryOf(values: TelemetryValues, warnings: string[]): TelemetryConfig {
  const hasEndpoint = (values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? values.OTEL_EXPORTER_OTLP_ENDPOINT) !== undefined
  const exports = (signal: OtelSignal, byDefault: boolean) => isExported(values, signal, warnings) ?? byDefault
  const [traces, events, metrics] = [exports('TRACES', hasEndpoint), exports('LOGS', false), exports('METRICS', false)]
  const isOn = !isDisabled(values)
  return {
    traces:
      isOn && traces
        ? { ...queueOf(values, 'BSP'), protocol: protocolOf(values, 'TRACES'), sampling: samplingOf(values) }
        : undefined,
    evaluationEvents:
      isOn && events
        ? { ...queueOf(values, 'BLRP'), protocol: protocolOf(values, 'LOGS'), ratio: values.FLAGSTAFF_EXPOSURE_SAMPLE }
        : undefined,
    metrics:
      isOn && metrics
        ? { protocol: protocolOf(values, 'METRICS'), intervalMs: values.OTEL_METRIC_EXPORT_INTERVAL }
        : undefined,
  }
}

type OtelSignal = 'TRACES' | 'LOGS' | 'METRICS'

/** Whether the exporter of a signal is OTLP; undefined if no supported one is set. */
function isExported(values: TelemetryValues, signal: OtelSignal, warnings: string[]): boolean | undefined {
  const list = values[`OTEL_${signal}_EXPORTER`]
  const names = list?.split(',').map((name) => name.trim()) ?? []
  const isKnown = (name: string) => name === 'otlp' || name === 'none'
  if (!names.every(isKnown)) warnings.push(`OTEL_${signal}_EXPORTER: only otlp and none are supported`)
  return names.some(isKnown) ? names.includes('otlp') : undefined
}

const protocolOf = (values: TelemetryValues, signal: OtelSignal): Protocol =>
  values[`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`] ?? values.OTEL_EXPORTER_OTLP_PROTOCOL ?? 'http/protobuf'

function queueOf(values: TelemetryValues, name: 'BSP' | 'BLRP'): BatchConfig {
  const capacity = values[`OTEL_${name}_MAX_QUEUE_SIZE`]
  const batchMax = Math.min(values[`OTEL_${name}_MAX_EXPORT_BATCH_SIZE`], capacity)
  return { capacity, batchMax, delayMs: values[`OTEL_${name}_SCHEDULE_DELAY`] }
}

function samplingOf({ OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: ratio }: TelemetryValues): Sampling {
  const followsParent = sampler.startsWith('parentbased_')
  if (sampler.endsWith('always_on')) return { ratio: 1, followsParent }
  return { ratio: sampler.endsWith('always_off') ? 0 : ratio, followsParent }
}
