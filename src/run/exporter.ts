import { type Logger, logs, ROOT_CONTEXT, type SpanContext, TraceFlags, trace } from '@opentelemetry/api'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { defaultResource, type Resource, resourceFromAttributes } from '@opentelemetry/resources'
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs'
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { AlwaysOnSampler, type ReadableSpan } from '@opentelemetry/sdk-trace'
import manifest from '../../package.json' with { type: 'json' }
import type { TelemetryConfig } from '../config/telemetry.ts'
import { attributesOf, EVALUATION, type Exposure } from '../snapshot/exposures.ts'
import type { Family } from '../telemetry/family.ts'
import type { Origin } from '../telemetry/otlp.ts'
import type { Batch } from '../telemetry/page-spool.ts'
import type { TraceContext } from '../telemetry/trace-context.ts'
import { exported } from './exported.ts'
import { hrTime, metricProducer } from './metric-producer.ts'
import { spanExporter } from './span-exporter.ts'

/** Where telemetry goes. Each rejects when the batch did not arrive. */
export type Exporter = {
  sendSpans(spans: Batch): Promise<void>
  sendExposures(exposures: readonly Exposure[]): Promise<void>
  /** Sends the metrics once more, and ends. */
  close(): Promise<void>
}

const SCOPE = { name: 'flagstaff', version: manifest.version }
/** Other names of the service come from OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES. */
const RESOURCE = { 'service.name': SCOPE.name, 'service.version': SCOPE.version }
/** Severity "INFO". */
const INFO = 9

/** OpenTelemetry's SDK with its OTLP exporters over HTTP, set up by its own variables. What we noted is told to it after the fact. */
export function startExporter(config: TelemetryConfig, families: () => Promise<readonly Family[]>): Exporter {
  const records = new Tray<ReadableLogRecord>()
  const samples = new Tray<ReadableSpan>()
  const sdk = new NodeSDK({
    resource: defaultResource().merge(resourceFromAttributes(RESOURCE)),
    sampler: new AlwaysOnSampler(),
    spanProcessors: [{ ...PROCESSOR, onStart: () => undefined, onEnd: (span) => samples.put(span) }],
    logRecordProcessors: [{ ...PROCESSOR, onEmit: (record) => records.put(record) }],
    metricReaders: readersFor(config, families),
    textMapPropagator: null,
  })
  sdk.start()
  trace.getTracer(SCOPE.name, SCOPE.version).startSpan('sample').end() // shows what the SDK found out about this process
  const resource = samples.empty()[0]?.resource ?? resourceFromAttributes(RESOURCE)
  const logger = logs.getLogger(SCOPE.name, SCOPE.version)
  const traceExporter = spanExporter(() => originOf(resource), config.isProxied)
  const logExporter = new OTLPLogExporter()
  const known = async () => {
    if (resource.asyncAttributesPending) await resource.waitForAsyncAttributes?.()
  }
  return {
    sendSpans: async (spans) => {
      await known()
      await traceExporter.send(spans)
    },
    sendExposures: async (batch) => {
      await known()
      for (const exposure of batch) tellExposure(logger, exposure)
      await exported(logExporter, records.empty())
    },
    close: async () => {
      await Promise.all([sdk.shutdown(), traceExporter.shutdown(), logExporter.shutdown()])
    },
  }
}

function readersFor({ metrics }: TelemetryConfig, families: () => Promise<readonly Family[]>) {
  if (!metrics) return []
  return [
    new PeriodicExportingMetricReader({
      exporter: new OTLPMetricExporter(),
      exportIntervalMillis: metrics.intervalMs,
      exportTimeoutMillis: metrics.intervalMs,
      metricProducers: [metricProducer(SCOPE, families)],
    }),
  ]
}

const originOf = ({ attributes, schemaUrl }: Resource): Origin => ({ resource: attributes, schemaUrl, scope: SCOPE })

function tellExposure(logger: Logger, exposure: Exposure): void {
  const { at, trace: span } = exposure
  logger.emit({
    eventName: EVALUATION,
    timestamp: hrTime(at),
    severityNumber: INFO,
    attributes: attributesOf(exposure),
    context: span ? trace.setSpanContext(ROOT_CONTEXT, spanContextOf(span)) : ROOT_CONTEXT,
  })
}

/** What the SDK has made and nobody has sent. */
class Tray<T> {
  #things: T[] = []

  put(thing: T): void {
    this.#things.push(thing)
  }

  empty(): T[] {
    const things = this.#things
    this.#things = []
    return things
  }
}

const done = () => Promise.resolve()
const PROCESSOR = { forceFlush: done, shutdown: done }

const spanContextOf = ({ traceId, spanId, isSampled }: TraceContext): SpanContext => ({
  traceId,
  spanId,
  traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
  isRemote: true,
})
