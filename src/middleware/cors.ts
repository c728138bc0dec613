import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { allowedOrigin, RESPONSE_HEADERS } from './cross-origin.ts'

const PREFLIGHT_SECONDS = 7200

/**
 * Lets web pages of `origins` evaluate; undefined: of all. Never with credentials: a key is a header that the page itself must know. So a
 * preflight allows every header that it names, as flagd does: tracing libraries add their own (`traceparent`, `baggage`, `sentry-trace`). It
 * needs no key, because browsers send none with it.
 */
export function crossOrigin(origins: readonly string[] | undefined): MiddlewareHandler {
  return cors({
    origin: origins === undefined ? '*' : allowedOrigin(origins),
    allowMethods: ['GET', 'HEAD', 'POST'],
    exposeHeaders: RESPONSE_HEADERS,
    maxAge: PREFLIGHT_SECONDS,
  })
}
