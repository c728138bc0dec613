import {
  create,
  type DescMessage,
  type DescMethodBiDiStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import type { Selector } from '../cache/selector.ts'
import { type Code, FlagError } from '../flag/error.ts'
import type { Role } from '../repository/postgres/tables.ts'
import type { LogLine } from '../telemetry/log.ts'
import type { Span } from '../telemetry/span.ts'
import { contextIn, type Header } from '../telemetry/trace-context.ts'

/** The metadata of one call, for the handler of its method. */
export type CallContext = {
  readonly header: Header
  /** `:authority` or `Host`. */
  readonly authority: string
  /** OpenTelemetry's name of the protocol (`rpc.system.name`). */
  readonly system: 'grpc' | 'connectrpc'
  /** Aborts when the client disconnects or the deadline passes. */
  readonly signal: AbortSignal
  /** Undefined unless this call is sampled. */
  span?: Span | undefined
}

type Handler<Request, Response> = (request: Request, call: CallContext) => Response
type UnaryHandler<I extends DescMessage, O extends DescMessage> = Handler<
  MessageShape<I>,
  MessageShape<O> | Promise<MessageShape<O>>
>
/** The transport requests the next message only after the client has received the one before. */
type ServerStreamHandler<I extends DescMessage, O extends DescMessage> = Handler<
  MessageShape<I>,
  AsyncIterable<MessageShape<O>>
>
type BidiStreamHandler<I extends DescMessage, O extends DescMessage> = Handler<
  AsyncIterable<MessageShape<I>>,
  AsyncIterable<MessageShape<O>>
>
type HandlerOf<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? UnaryHandler<I, O>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? ServerStreamHandler<I, O>
      : M extends DescMethodBiDiStreaming<infer I, infer O>
        ? BidiStreamHandler<I, O>
        : never
/** One handler for each method of a service. */
export type ServiceHandlers<S extends DescService> = {
  readonly [Name in keyof S['method']]: HandlerOf<S['method'][Name]>
}

type MethodOf<Kind, Desc> = { readonly kind: Kind; readonly desc: Desc; readonly handle: HandlerOf<Desc> }
/** One method of any service, independent of the protocol of its callers. */
export type Method =
  | MethodOf<'unary', DescMethodUnary>
  | MethodOf<'server_streaming', DescMethodServerStreaming>
  | MethodOf<'bidi_streaming', DescMethodBiDiStreaming>
/** A method and its path, `/<package>.<service>/<method>`. */
export type MethodEntry = readonly [path: string, method: Method]

/** The methods of a service. */
export function methodsOf<S extends DescService>(service: S, handlers: ServiceHandlers<S>): MethodEntry[] {
  const byName = handlers as Readonly<Record<string, unknown>>
  return service.methods.map((desc) => [
    `/${service.typeName}/${desc.name}`,
    { kind: desc.methodKind, desc, handle: byName[desc.localName] } as Method,
  ])
}

/** Creates a message for many calls. It is frozen: transports cache the encoded bytes of frozen messages. */
export function sharedMessage<O extends DescMessage>(schema: O, init: MessageInitShape<O>): MessageShape<O> {
  const message = create(schema, init)
  Object.freeze(message)
  return message
}

/** The flag set that a call may read, and the selector that narrows it. */
export type CallScope = { readonly flagSetId: string; readonly selector: Selector | undefined }
/**
 * Checks that the API key of a call has at least `role`. The header `Flagd-Selector` takes precedence over `selectorText`, the selector of the
 * message. Throws `unauthenticated` or `forbidden`. A promise only for a key that is not cached yet.
 */
export type Authorize = (call: CallContext, role: Role, selectorText?: string) => CallScope | Promise<CallScope>

/** The status codes in use (https://grpc.io/docs/guides/status-codes/). Connect's codes have the same numbers. */
export const StatusCode = {
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
export type StatusCode = (typeof StatusCode)[keyof typeof StatusCode]
type ErrorStatusCode = Exclude<StatusCode, typeof StatusCode.ok>

/** Errors that describe the flag or the request: a retry fails in the same way. */
const { unknown, invalidArgument, notFound, dataLoss } = StatusCode
const FINAL: ReadonlySet<StatusCode> = new Set([unknown, invalidArgument, notFound, dataLoss])

/** Ends a call with `status`. `message` is sent to the caller. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly status: ErrorStatusCode
  /** True when a retry cannot succeed. */
  readonly isFinal: boolean

  constructor(status: ErrorStatusCode, message: string, isFinal = FINAL.has(status)) {
    super(message)
    this.status = status
    this.isFinal = isFinal
  }
}

const STATUS_CODES: Record<Code, ErrorStatusCode> = {
  invalid: StatusCode.invalidArgument,
  unauthenticated: StatusCode.unauthenticated,
  forbidden: StatusCode.permissionDenied,
  not_found: StatusCode.notFound,
  conflict: StatusCode.aborted,
  in_use: StatusCode.failedPrecondition,
  managed: StatusCode.failedPrecondition,
  needs_merge: StatusCode.failedPrecondition,
  stale: StatusCode.failedPrecondition,
  too_large: StatusCode.resourceExhausted,
  unavailable: StatusCode.unavailable,
}

/** The status code for an error of a handler; `internal` for an unexpected one. */
export function statusOf(error: unknown): ErrorStatusCode {
  if (error instanceof RpcError) return error.status
  return error instanceof FlagError ? STATUS_CODES[error.code] : StatusCode.internal
}

/** Converts an error for the caller. Logs an unexpected error, and the cause of a `FlagError`, with the trace id of the caller. */
export function toRpcError(
  error: unknown,
  { method, log, header }: { readonly method: string; readonly log: LogLine; readonly header: Header },
): RpcError {
  if (error instanceof RpcError) return error
  const traceId = contextIn(header)?.traceId
  const fields = { method, ...(traceId !== undefined && { traceId }) }
  if (error instanceof FlagError) {
    if (error.cause) log('Refused a call', { code: error.code, cause: error.cause, ...fields })
    return new RpcError(STATUS_CODES[error.code], error.message)
  }
  log('Unexpected error', { error, ...fields })
  return new RpcError(StatusCode.internal, 'Internal error')
}
