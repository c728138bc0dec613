import type { Context } from 'hono'
import { traceIdAt } from '../telemetry/ids.ts'
import { type Attributes, SERVER, type Span } from '../telemetry/span.ts'
import { contextIn, type TraceContext } from '../telemetry/trace-context.ts'
import type { Tracer } from '../telemetry/tracer.ts'

const TRACE_ID = 'traceId'
const SPAN = 'span'
/** Tells a caller which span answered it, where that is kept (https://w3c.github.io/trace-context/#trace-context-http-response-headers-format). */
export const ANSWERED_BY = 'traceresponse'
/** A key of ours as the first label of a host name: some clients can send it nowhere else. */
const KEY_LABEL = /^fs_[\w-]+/

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

/** An address that anybody may see: without the query, where tokens stand, and without a key in the host name. */
export function publicUrl(text: string): string {
  const url = new URL(text)
  return `${url.protocol}//${url.host.replace(KEY_LABEL, 'REDACTED')}${url.pathname}`
}

/** The path of an absolute address, without the query: a key may stand in the host name, a token in the query. */
export function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('//') + 2)
  const end = url.indexOf('?', start)
  return url.slice(start, end < 0 ? undefined : end)
}

/** Attributes as they may be sent. */
export const publicAttributes = (attributes: Attributes): Attributes =>
  typeof attributes['url.full'] === 'string'
    ? { ...attributes, 'url.full': publicUrl(attributes['url.full']) }
    : attributes
