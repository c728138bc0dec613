import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { FlagError } from '../flag/error.ts'
import type { LogLine } from '../telemetry/log.ts'
import { type Problem, problemOf, RETRY_AFTER_SECONDS, STATUS } from './problem.ts'
import { traceIdOf } from './request-span.ts'

/** Answers an error as a problem document (RFC 9457). Anything unexpected is logged and answered as a bare 500. */
export const problem =
  (log: LogLine) =>
  (error: Error, c: Context): Response => {
    if (error instanceof FlagError) {
      if (error.cause)
        log('Refused a request', {
          code: error.code,
          route: c.req.routePath,
          cause: error.cause,
          traceId: traceIdOf(c),
        })
      return answer(c, STATUS[error.code], { code: error.code, detail: error.message, mistakes: error.mistakes })
    }
    if (error instanceof HTTPException)
      return answer(c, error.status as ContentfulStatusCode, {
        code: 'invalid',
        detail: error.message || 'Cannot read the request',
      })
    log('Unexpected error', { error, method: c.req.method, route: c.req.routePath, traceId: traceIdOf(c) })
    return answer(c, 500, { code: 'internal', detail: 'Internal error' })
  }

/** Answers a path that nobody serves. */
export const nothingHere = (c: Context): Response =>
  answer(c, 404, { code: 'not_found', detail: `Nothing is served at ${c.req.method} ${c.req.path}` })

function answer(c: Context, status: ContentfulStatusCode, problem: Problem): Response {
  return c.body(JSON.stringify(problemOf(status, problem, traceIdOf(c))), status, {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    ...(status === 503 && { 'retry-after': String(RETRY_AFTER_SECONDS) }),
  })
}
