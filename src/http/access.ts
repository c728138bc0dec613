import type { Span } from '../telemetry/span.ts'
import { idsOf } from '../telemetry/trace-context.ts'

/** Of which requests a line is logged: of none, of all but evaluations and probes, of all. */
export type AccessLevel = 'none' | 'some' | 'all'
/** One request that was answered; its query is left out, where tokens may stand. */
export type Access = {
  readonly method: string
  readonly route: string
  readonly path: string
  readonly status: number
  readonly seconds: number
  /** Who asked, where that is known. */
  readonly actor?: string | undefined
  readonly span: Span | undefined
}
/** One call over RPC that is over. */
export type Call = Pick<Access, 'method' | 'seconds' | 'span'> & { readonly code: string }
/** Logs a request; undefined where none of its kind is logged. */
export type AccessLog = ((access: Access) => void) | undefined
/** By kinds of requests; `calls` are those over RPC. */
export type AccessLogs = {
  readonly evaluations: AccessLog
  readonly probes: AccessLog
  readonly others: AccessLog
  readonly calls: ((call: Call) => void) | undefined
}

/** Lines of the access log. `log` is the log itself. */
export function accessLogs(
  level: AccessLevel,
  log: (message: string, fields: Record<string, unknown>) => void,
): AccessLogs {
  const write = ({ span, seconds, ...access }: Access | Call) =>
    log('Request', { ...access, ms: Math.round(seconds * 1e6) / 1e3, ...(span && idsOf(span)) })
  const few = level === 'all' ? write : undefined
  return { evaluations: few, probes: few, calls: few, others: level === 'none' ? undefined : write }
}
