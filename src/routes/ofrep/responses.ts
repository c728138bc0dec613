import { FlagError } from '../../flag/error.ts'
import { byOrigin } from '../../middleware/cors.ts'
import { RETRY_AFTER_SECONDS, STATUS } from '../../middleware/problem.ts'
import type { LogLine } from '../../telemetry/log.ts'
import type { Header } from '../../telemetry/trace-context.ts'

type Fields = Readonly<Record<string, string>>

/** A response before it is built, so that its telemetry can add a header without copying those of a `Response`. */
export type ResponseParts = {
  readonly status: number
  /** Shared by many responses. */
  readonly headers: Fields
  /** Headers of this response alone. */
  readonly extraHeaders?: Fields | undefined
  readonly body: string | null
}

/** Bun copies a `Headers` in 0.4 µs and a plain object in 1.1; on Node only a plain object is not copied at all. */
const copiesHeaders = 'Bun' in globalThis
const prepared = new WeakMap<Fields, Headers>()

export function responseOf({ status, headers, extraHeaders, body }: ResponseParts): Response {
  if (extraHeaders) return new Response(body, { status, headers: { ...headers, ...extraHeaders } })
  return new Response(body, { status, headers: copiesHeaders ? preparedOf(headers) : headers })
}

function preparedOf(fields: Fields): Headers {
  const known = prepared.get(fields)
  if (known) return known
  const headers = new Headers(fields)
  prepared.set(fields, headers)
  return headers
}

/** Headers by kind of response: with values, 304, and errors. */
export type ResponseHeaders = { readonly values: Fields; readonly notModified: Fields; readonly error: Fields }

const JSON_TYPE = { 'content-type': 'application/json' }
const CACHEABLE = { 'cache-control': 'private, no-cache' }
const VARY = 'Flagd-Selector, Authorization, X-API-Key'

/**
 * The headers for the caller's origin, those of CORS included. They are built in advance: `hono/cors` sets each header on each response.
 * Undefined `origins`: every origin is allowed.
 */
export function responseHeadersFor(origins: readonly string[] | undefined): (header: Header) => ResponseHeaders {
  const headersFor = byOrigin(origins, ({ vary, ...cors }) => {
    const common = { ...cors, vary: vary === undefined ? VARY : `${VARY}, ${vary}` }
    return {
      values: { ...JSON_TYPE, ...CACHEABLE, ...common },
      notModified: { ...CACHEABLE, ...common },
      error: { ...JSON_TYPE, 'cache-control': 'no-store', ...common },
    }
  })
  if (origins) return headersFor
  const everywhere = headersFor({ get: () => null })
  return () => everywhere
}

const EXTRA_HEADERS: Readonly<Record<number, Fields>> = {
  401: { 'www-authenticate': 'Bearer' },
  405: { allow: 'POST, OPTIONS' },
  503: { 'retry-after': String(RETRY_AFTER_SECONDS) },
}

/** Thrown for a body that is not JSON, not UTF-8 or has no valid evaluation context. */
export class InvalidContext extends Error {}

/** The properties of a request that its error response depends on. */
export type FailedRequest = {
  readonly route: string
  /** The flag of the request, which providers need to understand an error; undefined where all flags are requested. */
  readonly key: string | undefined
  readonly headers: ResponseHeaders
}

/** The OFREP response to a request that failed. Logs errors that an operator must see. */
export function errorResponse(error: unknown, { route, key, headers }: FailedRequest, log: LogLine): ResponseParts {
  const subject = key === undefined ? {} : { key }
  if (error instanceof InvalidContext)
    return errorParts(headers, 400, {
      ...subject,
      errorCode: 'INVALID_CONTEXT',
      errorDetails: 'Provider context is not valid',
    })
  if (!(error instanceof FlagError)) {
    log('Unexpected error', { error, route })
    return errorParts(headers, 500, { ...subject, errorCode: 'GENERAL', errorDetails: 'Internal error' })
  }
  const { code, message: errorDetails, cause } = error
  if (cause) log('Refused an evaluation', { code, cause })
  if (code === 'too_large') return errorParts(headers, STATUS[code], { errorDetails })
  const errorCode = code === 'not_found' && key !== undefined ? 'FLAG_NOT_FOUND' : 'GENERAL'
  return errorParts(headers, STATUS[code], { ...subject, errorCode, errorDetails })
}

/** Any method but POST. */
export const methodNotAllowed = (headers: ResponseHeaders): ResponseParts =>
  errorParts(headers, 405, { errorCode: 'GENERAL', errorDetails: 'method not allowed, use POST' })

function errorParts({ error: headers }: ResponseHeaders, status: number, body: object): ResponseParts {
  return { status, headers, extraHeaders: EXTRA_HEADERS[status], body: JSON.stringify(body) }
}
