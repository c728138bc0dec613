import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Code, Mistake } from '../flag/error.ts'

/** Why a request is refused as a whole, at every HTTP door. */
export const STATUS: Record<Code, ContentfulStatusCode> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
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
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}
/** Seconds after which a refused caller may try again. */
export const RETRY_AFTER_SECONDS = 1
/** Mistakes shown at most: a document of 10,000 wrong flags needs no answer of 10,000 lines. */
const MISTAKES_MAX = 100

export type Problem = { code: string; detail: string; mistakes?: readonly Mistake[] }

/** A problem document. */
export function problemOf(status: number, { code, detail, mistakes = [] }: Problem, traceId: string): object {
  const errors = mistakes.slice(0, MISTAKES_MAX).map(({ pointer, message }) => ({ pointer, detail: message }))
  return {
    type: 'about:blank',
    title: TITLE[status] ?? 'Error',
    status,
    code,
    detail,
    ...(errors.length > 0 && { errors }),
    ...(mistakes.length > MISTAKES_MAX && { errorsLeftOut: mistakes.length - MISTAKES_MAX }),
    traceId,
  }
}
