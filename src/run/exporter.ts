import {
  createTraceState,
  type Logger,
  logs,
  ROOT_CONTEXT,
  type SpanContext,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources'
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs'
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { AlwaysOnSampler, type ReadableSpan } from '@opentelemetry/sdk-trace'
import manifest from '../../package.json' with { type: 'json' }
import { attributesOf, EVALUATION, type Exposure } from '../snapshot/exposures.ts'
import type { Family } from '../telemetry/family.ts'
import type { Span } from '../telemetry/span.ts'
import type { TraceContext } from '../telemetry/trace-context.ts'
import { hrTime, metricProducer } from './metric-producer.ts'
import type { TelemetryConfig } from './telemetry-config.ts'

/** Where telemetry goes. Each rejects when the batch did not arrive. */
export type Exporter = {
  sendSpans(spans: readonly Span[]): Promise<void>
  sendExposures(exposures: readonly Exposure[]): Promise<void>
  /** Sends the metrics once more, and ends. */
  close(): Promise<void>
}

const SCOPE = { name: 'flagstaff', version: manifest.version }
/** Other names of the service come from OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES. */
const RESOURCE = { 'service.name': SCOPE.name, 'service.version': SCOPE.version }
const UNSET = { code: SpanStatusCode.UNSET }
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
  const [sample] = samples.empty()
  const logger = logs.getLogger(SCOPE.name, SCOPE.version)
  const traceExporter = new OTLPTraceExporter()
  const logExporter = new OTLPLogExporter()
  return {
    sendSpans: (batch) => exported(traceExporter, sample ? batch.map((span) => readable(span, sample)) : []),
    sendExposures: (batch) => {
      for (const exposure of batch) tellExposure(logger, exposure)
      return exported(logExporter, records.empty())
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

/** A span of ours as the exporter reads it. The SDK's own would be made a second time, for twice the cost of sending it. */
function readable(span: Span, { resource, instrumentationScope }: ReadableSpan): ReadableSpan {
  const { name, kind, startedAt, attributes, links, status = UNSET, endedAt = startedAt, parent } = span
  const context = { ...span.spanContext(), ...(parent?.state && { traceState: createTraceState(parent.state) }) }
  return {
    name,
    kind,
    spanContext: () => context,
    ...(parent && { parentSpanContext: spanContextOf(parent) }),
    startTime: hrTime(startedAt),
    endTime: hrTime(endedAt),
    duration: hrTime(endedAt - startedAt),
    ended: true,
    status,
    attributes,
    links,
    events: span.events.map(({ name: event, at, attributes: given }) => ({
      name: event,
      time: hrTime(at),
      attributes: typeof given === 'function' ? given() : given,
    })),
    resource,
    instrumentationScope,
    droppedAttributesCount: 0,
    droppedEventsCount: span.droppedEvents,
    droppedLinksCount: 0,
  }
}

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

type Sender<T> = { export(batch: T[], done: (result: { code: number; error?: Error }) => void): void }

async function exported<T extends ReadableSpan | ReadableLogRecord>(exporter: Sender<T>, batch: T[]): Promise<void> {
  const resource = batch[0]?.resource
  if (resource?.asyncAttributesPending) await resource.waitForAsyncAttributes?.()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  exporter.export(batch, ({ code, error = new Error('The collector gave no reason') }) =>
    code === 0 ? resolve() : reject(error),
  )
  return promise
}

const spanContextOf = ({ traceId, spanId, isSampled }: TraceContext): SpanContext => ({
  traceId,
  spanId,
  traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
  isRemote: true,
})
