import type { cors } from 'hono/cors'
import type { Header } from '../telemetry/trace-context.ts'

/** Response headers that a page of another origin may read, beside the safelisted ones. */
export const RESPONSE_HEADERS = ['ETag', 'Retry-After', 'Last-Modified', 'traceresponse']

const PREFLIGHT_SECONDS = 7200

/**
 * Options of `hono/cors` that let web pages of `origins` evaluate; undefined: of all. Never with credentials: a key is a header that the page
 * itself sets. So a preflight response allows every header that the request names, as flagd does: tracing libraries add their own
 * (`traceparent`, `baggage`, `sentry-trace`). A preflight needs no key, because browsers send none with it.
 */
export const corsOptions = (origins: readonly string[] | undefined): Parameters<typeof cors>[0] => ({
  origin: origins === undefined ? '*' : allowedOrigin(origins),
  allowMethods: ['GET', 'HEAD', 'POST'],
  exposeHeaders: RESPONSE_HEADERS,
  maxAge: PREFLIGHT_SECONDS,
})

/** Matches one label of a host name, in an origin such as `https://*.example.com`. */
const WILDCARD = '*.'

/** Returns the origin itself if `origins` allow it. A wildcard matches exactly one label. */
export function allowedOrigin(origins: readonly string[]): (origin: string) => string | undefined {
  const exact = new Set(origins.filter((origin) => !origin.includes(WILDCARD)))
  const patterns = origins
    .filter((origin) => origin.includes(WILDCARD))
    .map((origin) => new RegExp(`^${RegExp.escape(origin).replace(RegExp.escape(WILDCARD), '[a-z0-9_-]{1,63}\\.')}$`))
  return (origin) => (exact.has(origin) || patterns.some((pattern) => pattern.test(origin)) ? origin : undefined)
}

/** CORS headers of a response to a page of `origin`, for responses that do not pass through `hono/cors`. */
export function originHeaders(
  origins: readonly string[] | undefined,
): (origin: string | null | undefined) => Readonly<Record<string, string>> {
  const exposed = { 'access-control-expose-headers': RESPONSE_HEADERS.join(',') }
  if (origins === undefined) return () => ({ 'access-control-allow-origin': '*', ...exposed })
  const allowed = allowedOrigin(origins)
  return (origin) => ({
    vary: 'Origin',
    ...(origin && allowed(origin) && { 'access-control-allow-origin': origin }),
    ...exposed,
  })
}

/** Calls `make` with the CORS headers of each origin: once at set-up, except for origins that only a wildcard allows. */
export function byOrigin<T>(
  origins: readonly string[] | undefined,
  make: (headers: Readonly<Record<string, string>>) => T,
): (header: Header) => T {
  const of = originHeaders(origins)
  const others = make(of(null))
  if (origins === undefined) return () => others
  const known = new Map(origins.map((origin) => [origin, make(of(origin))]))
  const allowed = allowedOrigin(origins)
  return (header) => {
    const origin = header.get('origin')
    if (!origin) return others
    return known.get(origin) ?? (allowed(origin) ? make(of(origin)) : others)
  }
}
