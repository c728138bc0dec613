import { httpInstrumentationMiddleware } from '@hono/otel'
import {
  type Context as ApiContext,
  type Span as ApiSpan,
  type Tracer as ApiTracer,
  propagation,
  type SpanOptions,
  trace,
} from '@opentelemetry/api'
import type { MiddlewareHandler } from 'hono'
import { type Attributes, INTERNAL } from '../telemetry/span.ts'
import { contextIn, formatTraceparent } from '../telemetry/trace-context.ts'
import type { Tracer } from '../telemetry/tracer.ts'

/** An API key as the first label of a host name: some clients cannot send it any other way. */
const KEY_LABEL = /^fs_[\w-]+/
/** Represents a span that is not sampled. */
const UNSAMPLED = trace.wrapSpanContext({ traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 })

/** The middleware of @hono/otel with our tracer. Its metrics are off: @hono/prometheus measures requests (docs/decisions/0007-metrics.md). */
export function httpInstrumentation(tracer: Tracer): MiddlewareHandler {
  propagation.setGlobalPropagator(TRACE_CONTEXT)
  return httpInstrumentationMiddleware({ tracer: apiTracer(tracer), captureActiveRequests: false })
}

/** W3C Trace Context, parsed as everywhere else in the service. */
const TRACE_CONTEXT: Parameters<typeof propagation.setGlobalPropagator>[0] = {
  fields: () => ['traceparent', 'tracestate'],
  extract: (context, carrier, { get }) => {
    const parent = contextIn({ get: (name) => [get(carrier, name) ?? []].flat()[0] ?? null })
    if (!parent) return context
    const { traceId, spanId, isSampled } = parent
    return trace.setSpanContext(context, { traceId, spanId, traceFlags: isSampled ? 1 : 0, isRemote: true })
  },
  inject: (context, carrier, { set }) => {
    const span = trace.getSpanContext(context)
    if (span) set(carrier, 'traceparent', formatTraceparent({ ...span, isSampled: span.traceFlags === 1 }))
  },
}

/** Our tracer behind OpenTelemetry's interface. Our tracer holds the active span; OpenTelemetry's context stays empty. */
function apiTracer(tracer: Tracer): ApiTracer {
  const begin = (name: string, { kind = INTERNAL, attributes = {} }: SpanOptions = {}, context?: ApiContext) => {
    const caller = context && trace.getSpanContext(context)
    const parent = caller && { ...caller, isSampled: caller.traceFlags === 1 }
    const traceId = tracer.sample(parent)
    if (traceId === undefined) return undefined
    return tracer.startRemote(traceId, parent, { name, kind, attributes: publicAttributes(attributes) })
  }
  return {
    startSpan: (...parameters) => begin(...parameters) ?? UNSAMPLED,
    startActiveSpan: <Work extends (span: ApiSpan) => unknown>(
      name: string,
      ...parameters: ActiveSpanParameters<Work>
    ) => {
      const work = parameters[parameters.length - 1] as Work
      const [options, context] = parameters.slice(0, -1) as [SpanOptions?, ApiContext?]
      const span = begin(name, options, context)
      return tracer.within(span, () => work(span ?? UNSAMPLED)) as ReturnType<Work>
    },
  }
}

/** The three overloads of OpenTelemetry's `startActiveSpan`, after the name. */
type ActiveSpanParameters<Work> = [Work] | [SpanOptions, Work] | [SpanOptions, ApiContext, Work]

/** Attributes without secrets. */
const publicAttributes = (attributes: Attributes): Attributes =>
  typeof attributes['url.full'] === 'string'
    ? { ...attributes, 'url.full': publicUrl(attributes['url.full']) }
    : attributes

/** Removes the query, which may contain a token, and an API key in the host name. */
function publicUrl(text: string): string {
  const url = new URL(text)
  return `${url.protocol}//${url.host.replace(KEY_LABEL, 'REDACTED')}${url.pathname}`
}
