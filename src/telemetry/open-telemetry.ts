import {
  createTraceState,
  type DiagLogFunction,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  type SpanContext,
  SpanStatusCode,
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
import { attributesOf, EVALUATION_EVENT, type EvaluationEvent } from './evaluation-events.ts'
import type { ExportQueue } from './export-queue.ts'
import type { Log } from './log.ts'
import { metricProducer } from './metric-producer.ts'
import type { AnyRegistry } from './prometheus.ts'
import { Span } from './span.ts'
import type { Sampling, TraceContext } from './trace-context.ts'

export type Protocol = 'http/protobuf' | 'http/json'
/** The capacity of a queue, the size of a batch, and the maximum delay of its first item. */
export type BatchConfig = { readonly capacity: number; readonly batchMax: number; readonly delayMs: number }
/** The signals for a collector; undefined where one is not sent. */
export type TelemetryConfig = {
  readonly traces: (BatchConfig & { readonly protocol: Protocol; readonly sampling: Sampling }) | undefined
  /** `ratio` is the fraction of evaluations, from 0 to 1. */
  readonly evaluationEvents: (BatchConfig & { readonly protocol: Protocol; readonly ratio: number }) | undefined
  readonly metrics: { readonly protocol: Protocol; readonly intervalMs: number } | undefined
}
/** Reports `count` items that were not exported, and the cause. */
export type OnLost = (cause: unknown, count: number) => void

export type OpenTelemetryOptions = {
  readonly config: TelemetryConfig
  readonly spans: ExportQueue<Span>
  readonly events: ExportQueue<EvaluationEvent> | undefined
  /** Undefined where metrics are not sent. */
  readonly registry: AnyRegistry | undefined
  readonly onLost: OnLost
  readonly log: Log
}
export type OpenTelemetry = {
  /** Sends all waiting items without the delay of a batch. */
  flush(): Promise<void>
  /** Sends all waiting items and the metrics a last time, and stops. */
  shutdown(): Promise<void>
}
/** A batch processor or a provider of the SDK. */
type Processor = { forceFlush(): Promise<void>; shutdown(): Promise<void> }

const SCOPE = { name: 'flagstaff', version: manifest.version }
/** Overridden by OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES. */
const SERVICE = { 'service.name': SCOPE.name, 'service.version': SCOPE.version }
/** The severity number. */
const INFO = 9

/** Connects the queues to the batch processors and OTLP exporters of the OpenTelemetry SDK, which read OTEL_EXPORTER_OTLP_* themselves. */
export async function startOpenTelemetry(options: OpenTelemetryOptions): Promise<OpenTelemetry> {
  const { config, spans, events, registry, onLost, log } = options
  logDiagnostics(log)
  const resource = await detectedResource()
  const processors: Processor[] = []
  if (config.traces) processors.push(sendSpans(spans, { ...config.traces, resource, onLost }))
  if (config.evaluationEvents && events)
    processors.push(sendEvents(events, { ...config.evaluationEvents, resource, onLost }))
  if (config.metrics && registry) processors.push(sendMetrics(registry, { ...config.metrics, resource }))
  // Failures are reported to `onLost`.
  return {
    flush: async () => void (await Promise.allSettled(processors.map((each) => each.forceFlush()))),
    shutdown: async () => void (await Promise.allSettled(processors.map((each) => each.shutdown()))),
  }
}

/** Logs the SDK's diagnostics at OTEL_LOG_LEVEL; none by default. */
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

/** Waits for all attributes: a batch processor does not wait for them at shutdown. */
async function detectedResource(): Promise<Resource> {
  const detectors = [hostDetector, osDetector, serviceInstanceIdDetector, processDetector, envDetector]
  const detected = defaultResource().merge(resourceFromAttributes(SERVICE)).merge(detectResources({ detectors }))
  if (detected.asyncAttributesPending) await detected.waitForAsyncAttributes?.()
  return detected
}

type SignalOptions = { readonly protocol: string; readonly resource: Resource }
type BatchOptions = SignalOptions & BatchConfig & { readonly onLost: OnLost }

function sendSpans(spans: ExportQueue<Span>, options: BatchOptions): Processor {
  const exporter = options.protocol === 'http/json' ? new JsonTraceExporter() : new OTLPTraceExporter()
  const processor = new BatchSpanProcessor(batchOptions(exporter, spans, options))
  spans.connect((span) => processor.onEnd(readableSpan(span, options.resource)))
  return processor
}

function sendEvents(events: ExportQueue<EvaluationEvent>, options: BatchOptions): Processor {
  const exporter = options.protocol === 'http/json' ? new JsonLogExporter() : new OTLPLogExporter()
  const recordProcessors = [new BatchLogRecordProcessor(batchOptions(exporter, events, options))]
  const provider = new LoggerProvider({ resource: options.resource, processors: recordProcessors })
  const logger = provider.getLogger(SCOPE.name, SCOPE.version)
  events.connect((event) =>
    logger.emit({
      eventName: EVALUATION_EVENT,
      timestamp: millisToHrTime(event.at),
      severityNumber: INFO,
      attributes: attributesOf(event),
      context: event.trace ? trace.setSpanContext(ROOT_CONTEXT, spanContextOf(event.trace)) : ROOT_CONTEXT,
    }),
  )
  return provider
}

/** Sends the metrics of `/metrics`, for platforms where a scraper cannot reach each replica. */
function sendMetrics(
  registry: AnyRegistry,
  { protocol, resource, intervalMs }: SignalOptions & { readonly intervalMs: number },
): Processor {
  const reader = new PeriodicExportingMetricReader({
    exporter: protocol === 'http/json' ? new JsonMetricExporter() : new OTLPMetricExporter(),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: intervalMs,
    metricProducers: [metricProducer(SCOPE, registry)],
  })
  return new MeterProvider({ resource, readers: [reader] })
}

type Exporter<T> = Processor & { export(batch: T[], done: (result: ExportResult) => void): void }

/** Options of a batch processor whose exporter frees the capacity of `source` and reports lost items. */
function batchOptions<T>(
  exporter: Exporter<T>,
  source: Pick<ExportQueue<never>, 'settle'>,
  { onLost, ...config }: BatchOptions,
) {
  return {
    exporter: {
      export: (batch: T[], done: (result: ExportResult) => void) =>
        exporter.export(batch, (result) => {
          const isLost = result.code !== ExportResultCode.SUCCESS
          source.settle(batch.length, isLost)
          if (isLost) onLost(result.error ?? new Error('The collector gave no reason'), batch.length)
          done(result)
        }),
      forceFlush: () => exporter.forceFlush(),
      shutdown: () => exporter.shutdown(),
    },
    maxQueueSize: config.capacity,
    maxExportBatchSize: config.batchMax,
    scheduledDelayMillis: config.delayMs,
  }
}

/** A span in the form of the SDK's exporters. */
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
    status: span.status ?? { code: SpanStatusCode.UNSET },
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
