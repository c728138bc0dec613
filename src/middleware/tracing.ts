import type { Context, MiddlewareHandler } from 'hono'
import { SERVER, type Span } from '../telemetry/span.ts'
import { contextIn, type TraceContext, traceIdAt } from '../telemetry/trace-context.ts'
import type { Tracer } from '../telemetry/tracer.ts'

const TRACE_ID = 'traceId'
const SPAN = 'span'
/** Tells a caller which span answered it, where that is kept (https://w3c.github.io/trace-context/#trace-context-http-response-headers-format). */
export const ANSWERED_BY = 'traceresponse'

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

/** The trace a request belongs to: the caller's, or one of its own. Made when first asked for: most answers never need it. */
export function traceIdOf(c: Context): string {
  const known: unknown = spanOf(c)?.traceId ?? c.get(TRACE_ID)
  if (typeof known === 'string') return known
  const traceId = contextIn(c.req.raw.headers)?.traceId ?? traceIdAt(Math.random())
  c.set(TRACE_ID, traceId)
  return traceId
}

/** The span of a request, where @hono/otel made one that is kept. */
export const spanOf = (c: Context): Span | undefined => c.get(SPAN)
export const keepSpan = (c: Context, span: Span | undefined): void => c.set(SPAN, span)

/** The caller's trace when the caller keeps it (the flag "sampled"): of others nobody has more to show. */
export const sampledTraceIdOf = (parent: TraceContext | undefined): string | undefined =>
  parent?.isSampled ? parent.traceId : undefined

type Received = { readonly method: string; readonly url: string }

/** Begins the span of a request that a handler notes itself; undefined when it is not kept. */
export function receiveRequest(
  tracer: Tracer,
  parent: TraceContext | undefined,
  route: string,
  { method, url }: Received,
): Span | undefined {
  const traceId = tracer.kept(parent)
  if (traceId === undefined) return undefined
  const attributes = {
    'http.request.method': method,
    'http.route': route,
    'url.scheme': url.startsWith('https:') ? 'https' : 'http',
    'url.path': pathOf(url),
  }
  return tracer.receive(traceId, parent, { name: `${method} ${route}`, kind: SERVER, attributes })
}

/** Notes the head of the answer, and tells the caller which span it was. */
export function answered(span: Span, answer: Response): void {
  noteStatus(span, answer.status)
  answer.headers.set(ANSWERED_BY, span.traceparent)
}

/** Notes how a request was answered. */
export function noteStatus(span: Span, status: number): Span {
  span.setAttribute('http.response.status_code', status)
  return status >= 500 ? span.fail(String(status)) : span
}

/** The path of an absolute address, without the query: a key may stand in the host name, a token in the query. */
export function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('//') + 2)
  const end = url.indexOf('?', start)
  return url.slice(start, end < 0 ? undefined : end)
}
