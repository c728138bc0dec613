import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'

/** What OpenFeature's browser providers send and read, over OFREP, Connect and gRPC-Web. */
const REQUEST_HEADERS = [
  'Content-Type',
  'If-None-Match',
  'Last-Event-ID',
  'Authorization',
  'X-API-Key',
  'Flagd-Selector',
  'Connect-Protocol-Version',
  'Connect-Timeout-Ms',
  'X-Grpc-Web',
  'X-User-Agent',
  'Grpc-Timeout',
]
const RESPONSE_HEADERS = ['ETag', 'Retry-After', 'Last-Modified']
const PREFLIGHT_SECONDS = 7200

/**
 * Lets web pages of `origins` evaluate; undefined: of all. Never with credentials: a key is a header that the page itself
 * must know. Answers preflights without a key, because browsers send none with them.
 */
export function crossOrigin(origins: readonly string[] | undefined): MiddlewareHandler {
  return cors({
    origin: origins === undefined ? '*' : [...origins],
    allowMethods: ['GET', 'HEAD', 'POST'],
    allowHeaders: REQUEST_HEADERS,
    exposeHeaders: RESPONSE_HEADERS,
    maxAge: PREFLIGHT_SECONDS,
  })
}

/** What `crossOrigin` adds to an answer to a page of `origin`, for answers that do not pass through it. */
export function originHeaders(
  origins: readonly string[] | undefined,
): (origin: string | null | undefined) => Readonly<Record<string, string>> {
  const exposed = { 'access-control-expose-headers': RESPONSE_HEADERS.join(',') }
  if (origins === undefined) return () => ({ 'access-control-allow-origin': '*', ...exposed })
  return (origin) =>
    origin && origins.includes(origin)
      ? { vary: 'Origin', 'access-control-allow-origin': origin, ...exposed }
      : { vary: 'Origin' }
}
