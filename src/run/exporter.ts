import { type Logger, logs, ROOT_CONTEXT, type SpanContext, TraceFlags, trace } from '@opentelemetry/api'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base'
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from '@opentelemetry/otlp-exporter-base/node-http'
import { type ISerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { defaultResource, type Resource, resourceFromAttributes } from '@opentelemetry/resources'
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs'
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { AlwaysOnSampler, type ReadableSpan } from '@opentelemetry/sdk-trace'
import manifest from '../../package.json' with { type: 'json' }
import { attributesOf, EVALUATION, type Exposure } from '../snapshot/exposures.ts'
import type { Family } from '../telemetry/family.ts'
import { encodeRequest, type Origin } from '../telemetry/otlp.ts'
import type { TraceContext } from '../telemetry/trace-context.ts'
import { hrTime, metricProducer } from './metric-producer.ts'
import type { TelemetryConfig } from './telemetry-config.ts'

/** Where telemetry goes. Each rejects when the batch did not arrive. */
export type Exporter = {
  sendSpans(spans: readonly Uint8Array[]): Promise<void>
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
  const traceExporter = spanExporter(resource)
  const logExporter = new OTLPLogExporter()
  const known = async () => {
    if (resource.asyncAttributesPending) await resource.waitForAsyncAttributes?.()
  }
  return {
    sendSpans: async (spans) => {
      await known()
      await exported(traceExporter, spans)
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

/** The exporter for traces, given spans that are encoded already: to make its own of ours and encode them took a third more. */
function spanExporter(resource: Resource): OTLPExporterBase<readonly Uint8Array[]> {
  const { deserializeResponse } = ProtobufTraceSerializer
  const serializer: ISerializer<readonly Uint8Array[], ReturnType<typeof deserializeResponse>> = {
    serializeRequest: (spans) => encodeRequest(spans, originOf(resource)),
    deserializeResponse,
  }
  const headers = { 'Content-Type': 'application/x-protobuf' }
  const options = convertLegacyHttpOptions({}, 'TRACES', 'v1/traces', headers)
  const helper = { name: 'span' as const, countItems: (spans: readonly Uint8Array[]) => spans.length }
  return new OTLPExporterBase(
    createOtlpHttpExportDelegate(options, serializer, 'otlp_http_span_exporter', helper, undefined),
  )
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

type Sender<T> = { export(batch: T, done: (result: { code: number; error?: Error }) => void): void }

function exported<T>(exporter: Sender<T>, batch: T): Promise<void> {
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
