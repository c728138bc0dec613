import type { Header } from '../cache/authenticator.ts'
import { type Code, FlagError } from '../flag/error.ts'
import type { LogLine } from '../telemetry/log.ts'
import { contextIn } from '../telemetry/trace-context.ts'

/** gRPC's status codes that we answer (https://grpc.io/docs/guides/status-codes/). Connect's codes have the same numbers. */
export const Status = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const
export type Status = (typeof Status)[keyof typeof Status]
export type FailureStatus = Exclude<Status, typeof Status.ok>

/** A call ends with this status. `message` is for the caller. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly status: FailureStatus

  constructor(status: FailureStatus, message: string) {
    super(message)
    this.status = status
  }
}

const STATUS: Record<Code, FailureStatus> = {
  invalid: Status.invalidArgument,
  unauthenticated: Status.unauthenticated,
  forbidden: Status.permissionDenied,
  not_found: Status.notFound,
  conflict: Status.aborted,
  stale: Status.failedPrecondition,
  too_large: Status.resourceExhausted,
  unavailable: Status.unavailable,
}

/** The status that a call ends with which fails like this. */
export function statusOf(error: unknown): FailureStatus {
  if (error instanceof RpcError) return error.status
  return error instanceof FlagError ? STATUS[error.code] : Status.internal
}

/** Where an error happened. */
export type Place = { readonly method: string; readonly log: LogLine; readonly header: Header }

/** What a caller hears of an error; anything unexpected is logged and called internal. */
export function rpcErrorOf(error: unknown, { method, log, header }: Place): RpcError {
  if (error instanceof RpcError) return error
  if (error instanceof FlagError) {
    if (error.cause) log('Refused a call', { code: error.code, method, cause: error.cause, ...callerIds(header) })
    return new RpcError(STATUS[error.code], error.message)
  }
  log('Unexpected error', { error, method, ...callerIds(header) })
  return new RpcError(Status.internal, 'Internal error')
}

/** The trace of a call, as its caller names it. */
function callerIds(header: Header): { traceId?: string } {
  const traceId = contextIn(header)?.traceId
  return traceId === undefined ? {} : { traceId }
}
