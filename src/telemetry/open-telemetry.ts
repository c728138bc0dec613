import {
  createTraceState,
  type DiagLogFunction,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  type SpanContext,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import {
  diagLogLevelFromString,
  type ExportResult,
  ExportResultCode,
  getStringFromEnv,
  hrTimeDuration,
  millisToHrTime,
} from '@opentelemetry/core'
import { OTLPLogExporter as JsonLogExporter } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter as JsonMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import {
  defaultResource,
  detectResources,
  envDetector,
  hostDetector,
  osDetector,
  processDetector,
  type Resource,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace'
import manifest from '../../package.json' with { type: 'json' }
import { attributesOf, EVALUATION, type EvaluationEvent } from './evaluation-events.ts'
import type { Pending } from './export-queue.ts'
import type { Log } from './log.ts'
import { metricProducer } from './metric-producer.ts'
import type { AnyRegistry } from './prometheus.ts'
import { Span } from './span.ts'
import type { Sampling, TraceContext } from './trace-context.ts'

export type Protocol = 'http/protobuf' | 'http/json'
/** A batch queue: how many items wait at most, how many are sent at once, and how long the first of them waits. */
export type Queue = { readonly capacity: number; readonly batchMax: number; readonly delayMs: number }
type Sent = { readonly protocol: Protocol }
/** The signals that are sent to a collector; each undefined where it is not. */
export type TelemetryConfig = {
  readonly traces: (Queue & Sent & { readonly sampling: Sampling }) | undefined
  readonly exposures: (Queue & Sent & { readonly share: number }) | undefined
  readonly metrics: (Sent & { readonly intervalMs: number }) | undefined
}
/** Reports `count` items that were not exported, and why. */
export type OnLost = (cause: unknown, count: number) => void

export type OpenTelemetryOptions = {
  readonly config: TelemetryConfig
  readonly spans: Pending<Span>
  readonly events: Pending<EvaluationEvent> | undefined
  /** The metrics; undefined where they are not sent. */
  readonly registry: AnyRegistry | undefined
  readonly onLost: OnLost
  readonly log: Log
}
export type OpenTelemetry = {
  /** Sends what waits, without the delay of a batch. */
  flush(): Promise<void>
  /** Sends what waits and the metrics once more, and ends. */
  shutdown(): Promise<void>
}
/** A batch processor or a provider of the SDK. */
type Part = { forceFlush(): Promise<void>; shutdown(): Promise<void> }

const SCOPE = { name: 'flagstaff', version: manifest.version }
/** Other names of the service come from OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES. */
const SERVICE = { 'service.name': SCOPE.name, 'service.version': SCOPE.version }
/** Severity "INFO". */
const INFO = 9
/** Status "unset". */
const UNSET = { code: 0 }

/** Connects the queues to the batch processors and OTLP exporters of the OpenTelemetry SDK, which read OTEL_EXPORTER_OTLP_* themselves. */
export async function startOpenTelemetry({
  config,
  spans,
  events,
  registry,
  onLost,
  log,
}: OpenTelemetryOptions): Promise<OpenTelemetry> {
  logDiagnostics(log)
  const resource = await detectedResource()
  const parts: Part[] = []
  if (config.traces) parts.push(sendSpans(spans, { ...config.traces, resource, onLost }))
  if (config.exposures && events) parts.push(sendEvents(events, { ...config.exposures, resource, onLost }))
  if (config.metrics && registry) parts.push(sendMetrics(registry, { ...config.metrics, resource }))
  // `onLost` has reported the failures.
  return {
    flush: async () => void (await Promise.allSettled(parts.map((part) => part.forceFlush()))),
    shutdown: async () => void (await Promise.allSettled(parts.map((part) => part.shutdown()))),
  }
}

/** As OTEL_LOG_LEVEL says: nothing by default. */
function logDiagnostics(log: Log): void {
  const to =
    (write: Log['info']): DiagLogFunction =>
    (message, ...details) =>
      write('OpenTelemetry', { message, ...(details.length > 0 && { details }) })
  const logLevel = diagLogLevelFromString(getStringFromEnv('OTEL_LOG_LEVEL')) ?? DiagLogLevel.NONE
  const { debug, info, warn, error } = log
  diag.setLogger(
    { verbose: to(debug), debug: to(debug), info: to(info), warn: to(warn), error: to(error) },
    { logLevel, suppressOverrideMessage: true },
  )
}

/** Complete: a batch processor that waits for a resource does not wait for it when it shuts down. */
async function detectedResource(): Promise<Resource> {
  const detectors = [hostDetector, osDetector, serviceInstanceIdDetector, processDetector, envDetector]
  const detected = defaultResource().merge(resourceFromAttributes(SERVICE)).merge(detectResources({ detectors }))
  if (detected.asyncAttributesPending) await detected.waitForAsyncAttributes?.()
  return detected
}

type Signal = { readonly protocol: string; readonly resource: Resource }
type Batched = Signal & Queue & { readonly onLost: OnLost }

function sendSpans(spans: Pending<Span>, options: Batched): Part {
  const exporter = options.protocol === 'http/json' ? new JsonTraceExporter() : new OTLPTraceExporter()
  const processor = new BatchSpanProcessor(batchOptions(exporter, spans, options))
  spans.connect((span) => processor.onEnd(readableSpan(span, options.resource)))
  return processor
}

function sendEvents(events: Pending<EvaluationEvent>, options: Batched): Part {
  const exporter = options.protocol === 'http/json' ? new JsonLogExporter() : new OTLPLogExporter()
  const processors = [new BatchLogRecordProcessor(batchOptions(exporter, events, options))]
  const provider = new LoggerProvider({ resource: options.resource, processors })
  const logger = provider.getLogger(SCOPE.name, SCOPE.version)
  events.connect((event) =>
    logger.emit({
      eventName: EVALUATION,
      timestamp: millisToHrTime(event.at),
      severityNumber: INFO,
      attributes: attributesOf(event),
      context: event.trace ? trace.setSpanContext(ROOT_CONTEXT, spanContextOf(event.trace)) : ROOT_CONTEXT,
    }),
  )
  return provider
}

/** For platforms where a scraper cannot reach each replica: the metrics of `/metrics`. */
function sendMetrics(
  registry: AnyRegistry,
  { protocol, resource, intervalMs }: Signal & { readonly intervalMs: number },
): Part {
  const reader = new PeriodicExportingMetricReader({
    exporter: protocol === 'http/json' ? new JsonMetricExporter() : new OTLPMetricExporter(),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: intervalMs,
    metricProducers: [metricProducer(SCOPE, registry)],
  })
  return new MeterProvider({ resource, readers: [reader] })
}

type Exporter<T> = {
  export(batch: T[], done: (result: ExportResult) => void): void
  forceFlush(): Promise<void>
  shutdown(): Promise<void>
}

/** Options of a batch processor whose exporter makes room in the queue, and reports what is lost. */
function batchOptions<T>(
  exporter: Exporter<T>,
  pending: Pick<Pending<never>, 'settle'>,
  { onLost, ...queue }: Batched,
) {
  const settled = (count: number, { code, error }: ExportResult) => {
    const isLost = code !== ExportResultCode.SUCCESS
    pending.settle(count, isLost)
    if (isLost) onLost(error ?? new Error('The collector gave no reason'), count)
  }
  return {
    exporter: {
      export: (batch: T[], done: (result: ExportResult) => void) =>
        exporter.export(batch, (result) => {
          settled(batch.length, result)
          done(result)
        }),
      forceFlush: () => exporter.forceFlush(),
      shutdown: () => exporter.shutdown(),
    },
    maxQueueSize: queue.capacity,
    maxExportBatchSize: queue.batchMax,
    scheduledDelayMillis: queue.delayMs,
  }
}

/** A span as the SDK's exporters read it. */
function readableSpan(span: Span, resource: Resource): ReadableSpan {
  const { parent, startedAt, endedAt = startedAt } = span
  const [startTime, endTime] = [millisToHrTime(startedAt), millisToHrTime(endedAt)]
  const spanContext = { ...spanContextOf(span), isRemote: false }
  return {
    name: span.name,
    kind: span.kind,
    spanContext: () => spanContext,
    ...(parent && { parentSpanContext: { ...spanContextOf(parent), isRemote: !(parent instanceof Span) } }),
    startTime,
    endTime,
    duration: hrTimeDuration(startTime, endTime),
    status: span.status ?? UNSET,
    attributes: span.attributes,
    links: span.links,
    events: span.events.map(({ name, at, attributes }) => ({ name, attributes, time: millisToHrTime(at) })),
    ended: true,
    resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: span.droppedEvents,
    droppedLinksCount: 0,
  }
}

function spanContextOf({ traceId, spanId, isSampled, state }: TraceContext): SpanContext {
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE
  return { traceId, spanId, traceFlags, isRemote: true, ...(state && { traceState: createTraceState(state) }) }
}
