import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { RESPONSE_HEADERS } from './cross-origin.ts'

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
