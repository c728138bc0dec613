import type { Context, MiddlewareHandler } from 'hono'
import type { Tracer } from '../telemetry/tracer.ts'
import { ANSWERED_BY, keepSpan } from './trace.ts'

/**
 * Spans of requests by @hono/otel. It is loaded with the first of them, and speaks to our tracer: OpenTelemetry's SDK, which takes longer
 * to load than the service to start, need not be there yet.
 */
export function traced(tracer: Tracer): MiddlewareHandler {
  let instrumentation: Promise<MiddlewareHandler> | undefined
  const load = async () => (await import('./instrumentation.ts')).instrumentation(tracer)
  const note = async (c: Context, next: () => Promise<void>) => {
    const span = tracer.active
    keepSpan(c, span)
    await next()
    if (span) c.res.headers.set(ANSWERED_BY, span.traceparent)
  }
  return async (c, next) => {
    instrumentation ??= load()
    return (await instrumentation)(c, () => note(c, next))
  }
}
