import { FlagError } from '../../flag/error.ts'
import { RETRY_AFTER_SECONDS, STATUS } from '../../middleware/problem.ts'
import type { LogLine } from '../../telemetry/log.ts'
import { contextIn, idsOf } from '../../telemetry/trace-context.ts'
import { BULK, decode, SINGLE } from '../paths.ts'
import type { Reply } from './exchange.ts'
import type { Heads } from './heads.ts'
import type { Visit } from './visit.ts'

/** The log, with the span of the request, or else the trace that the caller names. */
function logOf({ asked: { headers }, seen: { span } }: Visit, log: LogLine): LogLine {
  const traceId = contextIn(headers)?.traceId
  const ids = span ? idsOf(span) : traceId !== undefined && { traceId }
  return ids ? (message, fields) => log(message, { ...fields, ...ids }) : log
}

/** Answers what has no evaluation context that could be read. */
export function invalidContext(visit: Visit): Reply {
  const error = { errorCode: 'INVALID_CONTEXT', errorDetails: 'Provider context is not valid' }
  return refusal(visit.heads, 400, { ...subjectOf(visit), ...error })
}

/** Answers what failed, and logs it where the operator should know. */
export function refusalFor(error: unknown, visit: Visit, log: LogLine): Reply {
  const { heads } = visit
  const subject = subjectOf(visit)
  if (!(error instanceof FlagError)) {
    logOf(visit, log)('Unexpected error', { error, route: subject.key === undefined ? BULK : SINGLE })
    return refusal(heads, 500, { ...subject, errorCode: 'GENERAL', errorDetails: 'Internal error' })
  }
  const { code, message: errorDetails, cause } = error
  if (cause) logOf(visit, log)('Refused an evaluation', { code, cause })
  if (code === 'too_large') return refusal(heads, STATUS[code], { errorDetails })
  const isFlagMissing = code === 'not_found' && subject.key !== undefined
  const errorCode = isFlagMissing ? 'FLAG_NOT_FOUND' : 'GENERAL'
  return refusal(heads, STATUS[code], { ...subject, errorCode, errorDetails })
}

/** The flag that was asked for, without which providers do not understand an error. */
function subjectOf({ segment }: Visit): { readonly key?: string } {
  return segment === '' ? {} : { key: decode(segment) ?? segment }
}

/** Answers why there is no answer. */
export function refusal({ refusal: head }: Heads, status: number, body: object): Reply {
  return { status, head, own: OWN[status], body: JSON.stringify(body) }
}

const OWN: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { 'www-authenticate': 'Bearer' },
  405: { allow: 'POST, OPTIONS' },
  503: { 'retry-after': String(RETRY_AFTER_SECONDS) },
}
