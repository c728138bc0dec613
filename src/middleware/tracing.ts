import type { Context, MiddlewareHandler } from 'hono'
import { SERVER, type Span } from '../telemetry/span.ts'
import { contextIn, type TraceContext, traceIdAt } from '../telemetry/trace-context.ts'
import type { Tracer } from '../telemetry/tracer.ts'

const TRACE_ID = 'traceId'
const SPAN = 'span'
/** Response header that names the span of a sampled request (https://w3c.github.io/trace-context/#trace-context-http-response-headers-format). */
export const TRACE_RESPONSE = 'traceresponse'

/**
 * Makes spans of requests with @hono/otel, which is loaded with the first of them. It uses our tracer: the OpenTelemetry SDK need not be
 * loaded. Evaluations, RPCs and event streams are exempt and make their own spans: @hono/otel copies all request headers twice and makes a
 * span before sampling (4.5 µs on Bun and 9.3 on Node instead of 0.3 and 0.6, `npm run bench:counting`), and its spans end with the head
 * of the response.
 */
export function tracing(tracer: Tracer, isExempt: (c: Context) => boolean): MiddlewareHandler {
  let loaded: Promise<MiddlewareHandler> | undefined
  const keep = async (c: Context, next: () => Promise<void>) => {
    const span = tracer.active
    setSpan(c, span)
    await next()
    if (span) c.res.headers.set(TRACE_RESPONSE, span.traceparent)
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

/** The trace id of a request: the caller's, or a new one. Generated on first use: most responses do not need it. */
export function traceIdOf(c: Context): string {
  const known: unknown = spanOf(c)?.traceId ?? c.get(TRACE_ID)
  if (typeof known === 'string') return known
  const traceId = contextIn(c.req.raw.headers)?.traceId ?? traceIdAt(Math.random())
  c.set(TRACE_ID, traceId)
  return traceId
}

/** The span of a request; undefined where it is not sampled. */
export const spanOf = (c: Context): Span | undefined => c.get(SPAN)
export const setSpan = (c: Context, span: Span | undefined): void => c.set(SPAN, span)

/** The caller's trace id, if the caller sampled the trace: an exemplar of an unsampled trace would link to nothing. */
export const sampledTraceIdOf = (parent: TraceContext | undefined): string | undefined =>
  parent?.isSampled ? parent.traceId : undefined

type RequestLine = { readonly method: string; readonly url: string }

/** Starts the span of a request that its handler traces itself; undefined when it is not sampled. */
export function startRequestSpan(
  tracer: Tracer,
  parent: TraceContext | undefined,
  route: string,
  { method, url }: RequestLine,
): Span | undefined {
  const traceId = tracer.sample(parent)
  if (traceId === undefined) return undefined
  const attributes = {
    'http.request.method': method,
    'http.route': route,
    'url.scheme': url.startsWith('https:') ? 'https' : 'http',
    'url.path': pathOf(url),
  }
  return tracer.startRemote(traceId, parent, { name: `${method} ${route}`, kind: SERVER, attributes })
}

/** Records the status of a response, and adds the header `traceresponse` to it. */
export function recordResponse(span: Span, response: Response): void {
  recordStatus(span, response.status)
  response.headers.set(TRACE_RESPONSE, span.traceparent)
}

/** Records the status of a response; a status from 500 on makes the span an error. */
export function recordStatus(span: Span, status: number): Span {
  span.setAttribute('http.response.status_code', status)
  return status >= 500 ? span.fail(String(status)) : span
}

/** The path of an absolute URL without host name and query: those may contain a key or a token. */
export function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('//') + 2)
  const end = url.indexOf('?', start)
  return url.slice(start, end < 0 ? undefined : end)
}
