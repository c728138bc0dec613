import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import type { DurationHistogram, Labeled } from '../telemetry/metrics.ts'
import { SERVER, type Span } from '../telemetry/span.ts'
import { contextIn } from '../telemetry/trace-context.ts'
import { type Tracer, untraced } from '../telemetry/tracer.ts'
import type { Call, Method, ServerStream, Unary } from './service.ts'
import { Status, statusOf } from './status.ts'

/** Calls by method, `<package>.<service>/<method>`, and the name of their status. */
export type RpcTimings = Labeled<readonly ['method', 'code'], DurationHistogram>
/** One call that is over. */
export type RpcAccess = {
  readonly method: string
  readonly code: string
  readonly seconds: number
  readonly span: Span | undefined
}
/** What is noted of calls; each undefined where it is not. */
export type RpcNotes = {
  readonly timings?: RpcTimings | undefined
  readonly tracer?: Tracer | undefined
  readonly access?: ((access: RpcAccess) => void) | undefined
}

/** gRPC's own names. */
const NAMES = new Map<Status, string>(
  Object.entries(Status).map(([name, status]) => [status, name.replace(/[A-Z]/g, '_$&').toUpperCase()]),
)
/** A server's own failures (https://opentelemetry.io/docs/specs/semconv/rpc/grpc/); the others are answers to the caller. */
const FAILURES: ReadonlySet<Status> = new Set([
  Status.unknown,
  Status.deadlineExceeded,
  Status.unimplemented,
  Status.internal,
  Status.unavailable,
  Status.dataLoss,
])

/**
 * The same methods, each call timed and traced whatever protocol it comes by: until its answer, or until a stream is over. What never
 * reaches a method, such as a broken message, is no call.
 */
export function observedMethods(methods: Iterable<[path: string, Method]>, notes: RpcNotes): [string, Method][] {
  return Array.from(methods, ([path, method]) => [path, observedMethod(method, new Observer(path.slice(1), notes))])
}

/** Notes the calls of one method. */
class Observer {
  readonly tracer: Tracer
  readonly #method: string
  readonly #notes: RpcNotes
  /** The cell of each status, so that a call makes nothing to be counted. */
  readonly #cells: DurationHistogram[] = []

  constructor(method: string, notes: RpcNotes) {
    this.#method = method
    this.#notes = notes
    this.tracer = notes.tracer ?? untraced
  }

  /** Begins the span of a call, where it is kept; whoever answers finds it there. */
  begin(call: Call): Span | undefined {
    if (!this.tracer.isOn) return undefined
    const parent = contextIn(call.header)
    const traceId = this.tracer.kept(parent)
    if (traceId === undefined) return undefined
    const attributes = { 'rpc.system.name': call.system, 'rpc.method': this.#method }
    call.span = this.tracer.receive(traceId, parent, { name: this.#method, kind: SERVER, attributes })
    return call.span
  }

  /** Notes how a call ended that began at `start` (monotonic milliseconds). */
  end(status: Status, start: number, span: Span | undefined): void {
    const { timings, access } = this.#notes
    const seconds = (performance.now() - start) / 1_000
    const code = NAMES.get(status) ?? ''
    if (timings) {
      const cell = this.#cells[status] ?? timings.of(this.#method, code)
      this.#cells[status] = cell
      cell.add(seconds, span?.traceId)
    }
    if (span) {
      span.setAttribute('rpc.response.status_code', code)
      if (FAILURES.has(status)) span.fail(code)
      span.end()
    }
    access?.({ method: this.#method, code, seconds, span })
  }
}

function observedMethod(method: Method, observer: Observer): Method {
  if (method.kind === 'unary') return { ...method, answer: observedUnary(method.answer, observer) }
  if (method.kind === 'server_streaming') return { ...method, answer: observedStream(method.answer, observer) }
  return { ...method, answer: observedStream(method.answer, observer) }
}

/** An answer that needs no waiting still needs none. */
function observedUnary(answer: Unary<DescMessage, DescMessage>, observer: Observer): Unary<DescMessage, DescMessage> {
  return (request, call) => {
    const start = performance.now()
    const span = observer.begin(call)
    const failed = (error: unknown): never => {
      observer.end(statusOf(error), start, span)
      throw error
    }
    const answered = (message: MessageShape<DescMessage>) => {
      observer.end(Status.ok, start, span)
      return message
    }
    try {
      const message = span ? observer.tracer.within(span, () => answer(request, call)) : answer(request, call)
      return message instanceof Promise ? message.then(answered, failed) : answered(message)
    } catch (error) {
      return failed(error)
    }
  }
}

type Streaming<R> = (requests: R, call: Call) => ReturnType<ServerStream<DescMessage, DescMessage>>

function observedStream<R>(answer: Streaming<R>, observer: Observer): Streaming<R> {
  return async function* (requests, call) {
    const start = performance.now()
    const span = observer.begin(call)
    let status: Status = Status.cancelled // nobody reads on
    try {
      yield* answer(requests, call)
      status = Status.ok
    } catch (error) {
      status = statusOf(error)
      throw error
    } finally {
      observer.end(status, start, span)
    }
  }
}
