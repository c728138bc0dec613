import type { Span } from './span.ts'
import { idsOf } from './trace-context.ts'

/** The requests of which a line is logged: none, all but evaluations and probes, or all. */
export type AccessLevel = 'none' | 'some' | 'all'
/** A finished request; without its query, which may contain tokens. */
export type Access = {
  readonly method: string
  readonly route: string
  readonly path: string
  readonly status: number
  readonly seconds: number
  /** The name of the API key, where it is known. */
  readonly actor?: string | undefined
  readonly span: Span | undefined
}
/** A finished call over RPC. */
export type Call = Pick<Access, 'method' | 'seconds' | 'span'> & { readonly code: string }
/** Logs a request; undefined where requests of its kind are not logged. */
export type AccessLog = ((access: Access) => void) | undefined
/** By kind of request; `calls` are those over RPC. */
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
