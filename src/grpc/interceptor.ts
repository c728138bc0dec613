import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import type { CallLogEntry } from '../telemetry/log.ts'
import type { DurationHistogram, Labeled } from '../telemetry/metrics.ts'
import { SERVER, type Span } from '../telemetry/span.ts'
import { contextIn } from '../telemetry/trace-context.ts'
import { type Tracer, untraced } from '../telemetry/tracer.ts'
import { type CallContext, type Method, type MethodEntry, StatusCode, statusOf } from './service.ts'

/** The telemetry of calls; a part is undefined when it is off. */
export type CallTelemetry = {
  /** By method, `<package>.<service>/<method>`, and name of the status code. */
  readonly durations?: Labeled<readonly ['method', 'code'], DurationHistogram> | undefined
  readonly tracer?: Tracer | undefined
  readonly accessLog?: ((entry: CallLogEntry) => void) | undefined
}

/** gRPC's names of the status codes, such as NOT_FOUND. */
const NAMES = new Map<StatusCode, string>(
  Object.entries(StatusCode).map(([name, code]) => [code, name.replace(/[A-Z]/g, '_$&').toUpperCase()]),
)
/** Errors of the server (https://opentelemetry.io/docs/specs/semconv/rpc/grpc/); the others are errors of the caller. */
const SERVER_ERRORS: ReadonlySet<string> = new Set(
  'UNKNOWN DEADLINE_EXCEEDED UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS'.split(' '),
)

/** Measures, traces and logs each call, until its response or the end of its stream. An invalid message reaches no method and is not recorded. */
export function withTelemetry(methods: Iterable<MethodEntry>, telemetry: CallTelemetry): MethodEntry[] {
  return Array.from(methods, ([path, method]) => [path, intercept(method, new CallRecorder(path.slice(1), telemetry))])
}

/** Records the calls of one method. */
class CallRecorder {
  readonly tracer: Tracer
  readonly #method: string
  readonly #telemetry: CallTelemetry
  /** By status code, so that a call looks up no labels. */
  readonly #histograms: DurationHistogram[] = []

  constructor(method: string, telemetry: CallTelemetry) {
    this.#method = method
    this.#telemetry = telemetry
    this.tracer = telemetry.tracer ?? untraced
  }

  /** Starts the span of a sampled call and sets it in the context. */
  start(call: CallContext): Span | undefined {
    if (!this.tracer.isOn) return undefined
    const parent = contextIn(call.header)
    const traceId = this.tracer.sample(parent)
    if (traceId === undefined) return undefined
    const attributes = { 'rpc.system.name': call.system, 'rpc.method': this.#method }
    call.span = this.tracer.startRemote(traceId, parent, { name: this.#method, kind: SERVER, attributes })
    return call.span
  }

  /** Records the end of a call that started at `start` (monotonic milliseconds). */
  end(status: StatusCode, start: number, span: Span | undefined): void {
    const { durations, accessLog } = this.#telemetry
    const seconds = (performance.now() - start) / 1_000
    const code = NAMES.get(status) ?? ''
    if (durations) {
      const histogram = this.#histograms[status] ?? durations.of(this.#method, code)
      this.#histograms[status] = histogram
      histogram.add(seconds, span?.traceId)
    }
    if (span) {
      span.setAttribute('rpc.response.status_code', code)
      if (SERVER_ERRORS.has(code)) span.fail(code)
      span.end()
    }
    accessLog?.({ method: this.#method, code, seconds, span })
  }
}

function intercept(method: Method, recorder: CallRecorder): Method {
  if (method.kind === 'unary') return { ...method, handle: interceptUnary(method.handle, recorder) }
  if (method.kind === 'server_streaming') return { ...method, handle: interceptStream(method.handle, recorder) }
  return { ...method, handle: interceptStream(method.handle, recorder) }
}

type Unary = Extract<Method, { kind: 'unary' }>['handle']

/** A synchronous handler stays synchronous. */
function interceptUnary(handle: Unary, recorder: CallRecorder): Unary {
  return (request, call) => {
    const start = performance.now()
    const span = recorder.start(call)
    const failed = (error: unknown): never => {
      recorder.end(statusOf(error), start, span)
      throw error
    }
    const succeeded = (message: MessageShape<DescMessage>) => {
      recorder.end(StatusCode.ok, start, span)
      return message
    }
    try {
      const message = span ? recorder.tracer.within(span, () => handle(request, call)) : handle(request, call)
      return message instanceof Promise ? message.then(succeeded, failed) : succeeded(message)
    } catch (error) {
      return failed(error)
    }
  }
}

type Streaming<R> = (request: R, call: CallContext) => AsyncIterable<MessageShape<DescMessage>>

function interceptStream<R>(handle: Streaming<R>, recorder: CallRecorder): Streaming<R> {
  return async function* (request, call) {
    const start = performance.now()
    const span = recorder.start(call)
    let status: StatusCode = StatusCode.cancelled // unless the stream ends by itself
    try {
      yield* handle(request, call)
      status = StatusCode.ok
    } catch (error) {
      status = statusOf(error)
      throw error
    } finally {
      recorder.end(status, start, span)
    }
  }
}
