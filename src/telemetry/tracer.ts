import type { AsyncLocalStorage } from 'node:async_hooks'
import { ExportQueue } from './export-queue.ts'
import { Span, type SpanOptions } from './span.ts'
import { type Sampling, sampledTraceId, type TraceContext } from './trace-context.ts'

export type TracerOptions = {
  /** Undefined: tracing is off. */
  readonly sampling: Sampling | undefined
  /** Maximum number of ended spans that wait for export. */
  readonly capacity?: number | undefined
  /** Monotonic milliseconds, and milliseconds since 1970. */
  readonly clocks?: { readonly monotonic: () => number; readonly wall: () => number }
}

type NewSpan = Pick<SpanOptions, 'name' | 'kind' | 'attributes'>

/** OpenTelemetry's default for spans. */
const CAPACITY = 2_048
/** After a larger difference the wall clock was set, or the process was suspended. */
const DRIFT_MS = 100
const UNSAMPLED = Symbol('unsampled')
const CLOCKS = { monotonic: () => performance.now(), wall: () => Date.now() }

/** Creates the spans of this process. Ended spans wait in `ended` until the OpenTelemetry SDK is loaded. */
export class Tracer {
  readonly isOn: boolean
  readonly ended: ExportQueue<Span>
  readonly #sampling: Sampling | undefined
  readonly #now: () => number
  /** Undefined while tracing is off: loading node:async_hooks would delay the start. */
  readonly #current: AsyncLocalStorage<Span | typeof UNSAMPLED> | undefined
  readonly #onEnd = (span: Span) => this.ended.push(span)

  constructor({ sampling, capacity = CAPACITY, clocks = CLOCKS }: TracerOptions) {
    this.isOn = sampling !== undefined
    this.ended = new ExportQueue(capacity)
    this.#sampling = sampling
    if (sampling) this.#current = new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)()
    this.#now = fineClock(clocks)
  }

  /** The span of the current asynchronous context. */
  get active(): Span | undefined {
    const current = this.#current?.getStore()
    return current === UNSAMPLED ? undefined : current
  }

  /** The trace id for a remote request; undefined when it is not sampled, and then it needs no span. */
  sample(parent: TraceContext | undefined): string | undefined {
    return this.#sampling && sampledTraceId(this.#sampling, parent)
  }

  /** Starts the span of a remote request with the trace id of `sample()`. */
  startRemote(traceId: string, parent: TraceContext | undefined, { name, kind, attributes }: NewSpan): Span {
    return new Span({ name, kind, traceId, parent, attributes, now: this.#now, onEnd: this.#onEnd })
  }

  /** Starts a child of the active span, or a trace without one; undefined when it is not sampled. */
  start(span: NewSpan): Span | undefined {
    if (!this.isOn) return undefined
    const current = this.#current?.getStore()
    if (current === UNSAMPLED) return undefined
    const traceId = current ? current.traceId : this.sample(undefined)
    return traceId === undefined ? undefined : this.startRemote(traceId, current, span)
  }

  /** Runs `work` with this span as the active one; with undefined, none of its spans are recorded. */
  within<T>(span: Span | undefined, work: () => T): T {
    return this.#current ? this.#current.run(span ?? UNSAMPLED, work) : work()
  }

  /** Runs `work` in a new span, which fails if `work` does. */
  async trace<T>(options: NewSpan, work: (span: Span | undefined) => Promise<T>): Promise<T> {
    if (!this.isOn) return work(undefined)
    const span = this.start(options)
    try {
      return await this.within(span, () => work(span))
    } catch (error) {
      span?.fail(typeOf(error))
      throw error
    } finally {
      span?.end()
    }
  }
}

/** The code or the name of an error; never its text, which may quote input. */
function typeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'Error'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

/** A tracer that is off. */
export const untraced = new Tracer({ sampling: undefined })

/** Milliseconds since 1970 with fractions: the monotonic clock plus an offset, which follows the wall clock after a jump. */
function fineClock({ monotonic, wall }: Required<TracerOptions>['clocks']): () => number {
  let offset = wall() - monotonic()
  return () => {
    const now = monotonic()
    if (Math.abs(wall() - now - offset) > DRIFT_MS) offset = wall() - now
    return now + offset
  }
}
