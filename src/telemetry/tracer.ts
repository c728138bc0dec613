import type { AsyncLocalStorage } from 'node:async_hooks'
import { Pending } from './export-queue.ts'
import { Span, type SpanOptions } from './span.ts'
import { type Sampling, sampledTraceId, type TraceContext } from './trace-context.ts'

export type TracerOptions = {
  /** Undefined: nothing is traced, and nothing costs anything. */
  readonly sampling: Sampling | undefined
  /** Ended spans that wait at most. */
  readonly capacity?: number | undefined
  /** Monotonic milliseconds, and those since 1970. */
  readonly clocks?: { readonly monotonic: () => number; readonly wall: () => number }
}

type NewSpan = Pick<SpanOptions, 'name' | 'kind' | 'attributes'>

/** OpenTelemetry's default for a queue of spans. */
const CAPACITY = 2_048
/** Clocks that differ by more have been set, or stood still. */
const DRIFT_MS = 100
const UNSAMPLED = Symbol('unsampled')
const CLOCKS = { monotonic: () => performance.now(), wall: () => Date.now() }

/** Makes the spans of this process. Those that have ended wait in `ended` until the OpenTelemetry SDK is loaded. */
export class Tracer {
  readonly isOn: boolean
  readonly ended: Pending<Span>
  readonly #sampling: Sampling | undefined
  readonly #now: () => number
  /** Undefined where nothing is traced: to load what it is made of takes part in a start. */
  readonly #current: AsyncLocalStorage<Span | typeof UNSAMPLED> | undefined
  readonly #onEnd = (span: Span) => this.ended.push(span)

  constructor({ sampling, capacity = CAPACITY, clocks = CLOCKS }: TracerOptions) {
    this.isOn = sampling !== undefined
    this.ended = new Pending(capacity)
    this.#sampling = sampling
    if (sampling) this.#current = new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)()
    this.#now = fineClock(clocks)
  }

  /** The span that the code at work belongs to. */
  get active(): Span | undefined {
    const current = this.#current?.getStore()
    return current === UNSAMPLED ? undefined : current
  }

  /** The trace that something belongs to which came from outside; undefined when it is not kept, and then there is nothing to make for it. */
  kept(parent: TraceContext | undefined): string | undefined {
    return this.#sampling && sampledTraceId(this.#sampling, parent)
  }

  /** Begins the span of something that came from outside, in a trace that is `kept`. */
  receive(traceId: string, parent: TraceContext | undefined, span: NewSpan): Span {
    return this.#make(traceId, parent, span)
  }

  /** Begins a span below the active one, or a trace where there is none; undefined when it is not kept. */
  begin(span: NewSpan): Span | undefined {
    if (!this.isOn) return undefined
    const current = this.#current?.getStore()
    if (current === UNSAMPLED) return undefined
    const traceId = current ? current.traceId : this.kept(undefined)
    return traceId === undefined ? undefined : this.#make(traceId, current, span)
  }

  /** Does `work` with this span as the active one; with undefined, nothing in it is kept. */
  within<T>(span: Span | undefined, work: () => T): T {
    return this.#current ? this.#current.run(span ?? UNSAMPLED, work) : work()
  }

  /** Does `work` in a span of its own, which fails with it. */
  async trace<T>(options: NewSpan, work: (span: Span | undefined) => Promise<T>): Promise<T> {
    if (!this.isOn) return work(undefined)
    const span = this.begin(options)
    try {
      return await this.within(span, () => work(span))
    } catch (error) {
      span?.fail(typeOf(error))
      throw error
    } finally {
      span?.end()
    }
  }

  #make(traceId: string, parent: TraceContext | undefined, { name, kind, attributes }: NewSpan): Span {
    return new Span({ name, kind, traceId, parent, attributes, now: this.#now, onEnd: this.#onEnd })
  }
}

/** A code where an error has one; never its text, which may quote what somebody sent. */
function typeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'Error'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

/** For whoever is given none: traces nothing. */
export const untraced = new Tracer({ sampling: undefined })

/** Milliseconds since 1970 with fractions, which run with the monotonic clock and follow the wall clock when it is set. */
function fineClock({ monotonic, wall }: Required<TracerOptions>['clocks']): () => number {
  let offset = wall() - monotonic()
  return () => {
    const now = monotonic()
    if (Math.abs(wall() - now - offset) > DRIFT_MS) offset = wall() - now
    return now + offset
  }
}
