import { diag } from '@opentelemetry/api'
import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base'
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from '@opentelemetry/otlp-exporter-base/node-http'
import { type ISerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { encodeRequest, type Origin } from '../telemetry/otlp.ts'
import type { Batch } from '../telemetry/page-spool.ts'
import { exported } from './exported.ts'
import { canPost, posted } from './post-bun.ts'

/** Sends spans that are encoded already: to make OpenTelemetry's own of ours and encode them took a third more. */
export type SpanExporter = {
  /** Rejects when they did not arrive. */
  send(spans: Batch): Promise<void>
  shutdown(): Promise<void>
}

const { deserializeResponse } = ProtobufTraceSerializer
const HEADERS = { 'Content-Type': 'application/x-protobuf' }

/** Set up by OpenTelemetry's own variables. `originOf` is asked with each request, when all is known. */
export function spanExporter(originOf: () => Origin, isProxied: boolean): SpanExporter {
  const encode = (spans: Batch) => encodeRequest(spans, originOf())
  const serializer: ISerializer<Batch, ReturnType<typeof deserializeResponse>> = {
    serializeRequest: encode,
    deserializeResponse,
  }
  const collector = convertLegacyHttpOptions({}, 'TRACES', 'v1/traces', HEADERS)
  const helper = { name: 'span' as const, countItems: (spans: Batch) => spans.length }
  const exporter = new OTLPExporterBase(
    createOtlpHttpExportDelegate(collector, serializer, 'otlp_http_span_exporter', helper, undefined),
  )
  // Bun's fetch takes 0.17 ms of work for 512 spans, its node:http, by which the exporter goes, 0.75: docs/decisions/0009-telemetry.md.
  const isShort = canPost(collector, isProxied)
  return {
    async send(spans) {
      const answer = isShort ? await posted(encode(spans), collector) : undefined
      if (answer) tellOfRefused(answer)
      else await exported(exporter, spans)
    },
    shutdown: () => exporter.shutdown(),
  }
}

/** Tells whoever set `OTEL_LOG_LEVEL`, as OpenTelemetry's exporters do, of spans that a collector took no liking to. */
function tellOfRefused(answer: Uint8Array): void {
  if (answer.byteLength === 0) return
  try {
    const { partialSuccess } = deserializeResponse(answer)
    if (partialSuccess) diag.warn('The collector did not take all spans', JSON.stringify(partialSuccess))
  } catch (error) {
    diag.warn('Cannot read what the collector says', error)
  }
}
