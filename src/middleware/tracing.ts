import type { Context, MiddlewareHandler } from 'hono'
import type { Tracer } from '../telemetry/tracer.ts'
import { ANSWERED_BY, keepSpan } from './request-span.ts'

/**
 * Spans of requests by @hono/otel, which is loaded with the first of them. It uses our tracer, so that the OpenTelemetry SDK need not be loaded.
 * Not for evaluations, calls and event streams, which make their own spans: @hono/otel copies all headers of a request twice and makes a span
 * before it is sampled (4.5 µs on Bun and 9.3 on Node instead of 0.3 and 0.6, `npm run bench:counting`), and its spans end with the head of a
 * response.
 */
export function tracing(tracer: Tracer, isExempt: (c: Context) => boolean): MiddlewareHandler {
  let loaded: Promise<MiddlewareHandler> | undefined
  const keep = async (c: Context, next: () => Promise<void>) => {
    const span = tracer.active
    keepSpan(c, span)
    await next()
    if (span) c.res.headers.set(ANSWERED_BY, span.traceparent)
  }
  const load = () => {
    const middleware = import('./otel.ts').then(({ httpInstrumentation }) => httpInstrumentation(tracer))
    middleware.catch(() => {
      loaded = undefined // the next request tries again
    })
    return middleware
  }
  return async (c, next) => {
    if (!tracer.isOn || isExempt(c)) return next()
    loaded ??= load()
    return (await loaded)(c, () => keep(c, next))
  }
}
