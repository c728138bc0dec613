import { type DescMessage, fromJsonString, type MessageShape, toJsonString } from '@bufbuild/protobuf'
import { FlagError } from '../flag/error.ts'
import type { Header } from '../snapshot/authenticator.ts'
import type { Span } from '../telemetry/span.ts'
import { type Call, JSON_OPTIONS, type Method } from './method.ts'
import { type FailureStatus, type Log, RpcError, rpcErrorOf, Status } from './status.ts'

/** A request as this reads it, whoever received it. */
export type Asked = {
  /** Absolute. */
  readonly url: string
  readonly headers: Header
  /** The body, undefined for what is no UTF-8; throws or rejects when there is more of it, or when the client goes away. */
  read(bytesMax: number): string | undefined | Promise<string | undefined>
}
/** An answer over HTTP, in JSON. `span` is the one that was kept of the call. */
export type Answer = { readonly status: number; readonly body: string; readonly span: Span | undefined }
/** Answers a call, whatever happens; undefined: it is one for connect-es. */
export type JsonCall = (asked: Asked) => Promise<Answer> | undefined

export type JsonCallOptions = { readonly bytesMax: number; readonly log: Log }

/** Connect's names and statuses over HTTP: https://connectrpc.com/docs/protocol/#error-codes */
const ERRORS: Readonly<Record<FailureStatus, readonly [code: string, status: number]>> = {
  [Status.cancelled]: ['canceled', 499],
  [Status.unknown]: ['unknown', 500],
  [Status.invalidArgument]: ['invalid_argument', 400],
  [Status.deadlineExceeded]: ['deadline_exceeded', 504],
  [Status.notFound]: ['not_found', 404],
  [Status.permissionDenied]: ['permission_denied', 403],
  [Status.resourceExhausted]: ['resource_exhausted', 429],
  [Status.failedPrecondition]: ['failed_precondition', 400],
  [Status.aborted]: ['aborted', 409],
  [Status.unimplemented]: ['unimplemented', 501],
  [Status.internal]: ['internal', 500],
  [Status.unavailable]: ['unavailable', 503],
  [Status.dataLoss]: ['data_loss', 500],
  [Status.unauthenticated]: ['unauthenticated', 401],
}
/** Of calls that are answered before anything could end them. */
const NEVER = new AbortController().signal

const JSON_TYPE = /^application\/json(?: *; *charset=utf-8)?$/i

/** Those of one flag: answers are not packed here, and those of all flags should be. */
const IS_SMALL = /^\/flagd\.evaluation\.v\d\.Service\/Resolve(?!All$)/

/** By path. */
export function jsonCalls(
  methods: Iterable<[path: string, Method]>,
  options: JsonCallOptions,
): ReadonlyMap<string, JsonCall> {
  const calls = new Map<string, JsonCall>()
  for (const [path, method] of methods)
    if (method.kind === 'unary' && IS_SMALL.test(path)) calls.set(path, jsonCall(path, method, options))
  return calls
}

type UnaryMethod = Method & { readonly kind: 'unary' }

/**
 * Answers the calls of a method over Connect, in JSON, without connect-es, whose promises and async iterables take longer than all else
 * (docs/decisions/0014-http-speed.md). What needs more of the protocol is left to it: protobuf, a deadline, a body that is packed or
 * of unknown length.
 */
function jsonCall(path: string, method: UnaryMethod, { bytesMax, log }: JsonCallOptions): JsonCall {
  const { input, output } = method.desc
  const answered = async (asked: Asked): Promise<Answer> => {
    const { headers: header } = asked
    const call: Call = { header, authority: authorityIn(asked.url), system: 'connectrpc', signal: NEVER }
    try {
      const read = asked.read(bytesMax)
      const request = messageIn(input, read instanceof Promise ? await read.catch(unread) : read)
      const answer = method.answer(request, call)
      const body = textOf(output, answer instanceof Promise ? await answer : answer)
      return { status: 200, body, span: call.span }
    } catch (error) {
      const { status, message } = rpcErrorOf(error, { method: path, log, header })
      const [code, httpStatus] = ERRORS[status]
      return { status: httpStatus, body: JSON.stringify({ code, message }), span: call.span }
    }
  }
  return (asked) => (isPlain(asked.headers, bytesMax) ? answered(asked) : undefined)
}

function isPlain(headers: Header, bytesMax: number): boolean {
  if (!JSON_TYPE.test(headers.get('content-type') ?? '')) return false
  if (!(Number(headers.get('content-length') ?? Number.NaN) <= bytesMax)) return false
  return headers.get('connect-timeout-ms') === null && headers.get('content-encoding') === null
}

/** `:authority` or `Host`, as it came. */
function authorityIn(url: string): string {
  const start = url.indexOf('//') + 2
  return url.slice(start, url.indexOf('/', start))
}

/** A client that leaves in the middle is no failure of ours. */
const unread = (error: unknown): never => {
  throw error instanceof FlagError ? error : new RpcError(Status.cancelled, 'Cannot read the message')
}

function messageIn<I extends DescMessage>(schema: I, body: string | undefined): MessageShape<I> {
  if (body === undefined) throw new RpcError(Status.invalidArgument, 'The message is not UTF-8')
  try {
    return fromJsonString(schema, body, JSON_OPTIONS)
  } catch (error) {
    throw new RpcError(Status.invalidArgument, error instanceof Error ? error.message : String(error))
  }
}

const texts = new WeakMap<object, string>()

/** One that is frozen is shared, and written only once. */
function textOf<O extends DescMessage>(schema: O, message: MessageShape<O>): string {
  const known = texts.get(message)
  if (known !== undefined) return known
  const text = toJsonString(schema, message, JSON_OPTIONS)
  if (Object.isFrozen(message)) texts.set(message, text)
  return text
}
