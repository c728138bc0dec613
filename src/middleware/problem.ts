import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { type Code, FlagError, type Mistake } from '../flag/error.ts'
import type { LogLine } from '../telemetry/log.ts'
import { traceIdOf } from './tracing.ts'

/** The HTTP status of each expected failure. */
export const STATUS: Record<Code, ContentfulStatusCode> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  in_use: 409,
  managed: 409,
  needs_merge: 409,
  stale: 412,
  too_large: 413,
  unavailable: 503,
}
const TITLE: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}
/** Seconds after which a client may retry. */
export const RETRY_AFTER_SECONDS = 1
/** Mistakes in one response at most: a document may have 10,000 wrong flags. */
const MISTAKES_MAX = 100

export type ProblemFields = {
  code: string
  detail: string
  mistakes?: readonly Mistake[]
  members?: Readonly<Record<string, unknown>>
}

/** Characters of a pointer or a text in a response: a client chooses names of megabytes, and each of its mistakes would repeat them. */
const LENGTH_MAX = 1_000

/** A mistake as responses show it. Of a pointer that is too long, the steps that fit are left: they lead to what surrounds the place. */
export const errorOf = ({ pointer, message }: Mistake): { readonly pointer: string; readonly detail: string } => ({
  pointer: pointer.length > LENGTH_MAX ? pointer.slice(0, pointer.lastIndexOf('/', LENGTH_MAX)) : pointer,
  detail: limited(message),
})

const limited = (text: string): string => (text.length > LENGTH_MAX ? `${text.slice(0, LENGTH_MAX - 1)}…` : text)

/** The members of a problem document (RFC 9457). */
export function problemOf(
  status: number,
  { code, detail, mistakes = [], members }: ProblemFields,
  traceId: string,
): object {
  const errors = mistakes.slice(0, MISTAKES_MAX).map(errorOf)
  return {
    type: 'about:blank',
    title: TITLE[status] ?? 'Error',
    status,
    code,
    detail: limited(detail),
    ...members,
    ...(errors.length > 0 && { errors }),
    ...(mistakes.length > MISTAKES_MAX && { errorsLeftOut: mistakes.length - MISTAKES_MAX }),
    traceId,
  }
}

/** Responds to an error with a problem document (RFC 9457). An unexpected error is logged, and its response says only "Internal error". */
export const handleError =
  (log: LogLine) =>
  (error: Error, c: Context): Response => {
    if (error instanceof FlagError) {
      const { code } = error
      if (error.cause)
        log('Refused a request', { code, route: c.req.routePath, cause: error.cause, traceId: traceIdOf(c) })
      return respond(c, STATUS[code], { code, detail: error.message, mistakes: error.mistakes, members: error.members })
    }
    if (error instanceof HTTPException)
      return respond(c, error.status as ContentfulStatusCode, {
        code: 'invalid',
        detail: error.message || 'Cannot read the request',
      })
    log('Unexpected error', { error, method: c.req.method, route: c.req.routePath, traceId: traceIdOf(c) })
    return respond(c, 500, { code: 'internal', detail: 'Internal error' })
  }

/** The response for a path without a route. */
export const notFound = (c: Context): Response =>
  respond(c, 404, { code: 'not_found', detail: `Nothing is served at ${c.req.method} ${c.req.path}` })

function respond(c: Context, status: ContentfulStatusCode, problem: ProblemFields): Response {
  return c.body(JSON.stringify(problemOf(status, problem, traceIdOf(c))), status, {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    ...(status === 503 && { 'retry-after': String(RETRY_AFTER_SECONDS) }),
  })
}
