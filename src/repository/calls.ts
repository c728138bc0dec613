import { FlagError } from '../flag/error.ts'
import { Labeled, newHistogram } from '../telemetry/metrics.ts'
import { CLIENT } from '../telemetry/span.ts'
import { type Tracer, untraced } from '../telemetry/tracer.ts'

/** Name of the store in OpenTelemetry's conventions (`db.system.name`). */
export type StoreName = 'postgresql' | 'redis'

/** Counts, times and traces the calls to one store. */
export class StoreCalls {
  /** Durations in seconds, by call and result: "ok", the code of a `FlagError`, or "failed". */
  readonly timings = new Labeled(['call', 'code'], newHistogram)
  readonly #system: StoreName
  readonly #tracer: Tracer

  constructor(system: StoreName, tracer: Tracer = untraced) {
    this.#system = system
    this.#tracer = tracer
  }

  /** Runs `work` and records its duration and result under `call`. */
  async measure<T>(call: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now()
    const end = (code: string) => this.timings.of(call, code).add((performance.now() - start) / 1_000)
    try {
      const result = await this.#traced(call, work)
      end('ok')
      return result
    } catch (error) {
      end(error instanceof FlagError ? error.code : 'failed')
      throw error
    }
  }

  #traced<T>(call: string, work: () => Promise<T>): Promise<T> {
    if (!this.#tracer.isOn) return work()
    const attributes = { 'db.system.name': this.#system, 'db.operation.name': call }
    return this.#tracer.trace({ name: `${this.#system} ${call}`, kind: CLIENT, attributes }, work)
  }
}

const PARTS = 4

/**
 * Calls `onLate` after `ms`; the returned function cancels. A period in which the event loop was blocked or the process was suspended
 * counts as at most a quarter of `ms`: the response may have arrived but was not read yet.
 */
export function timeLimit(ms: number, onLate: () => void): () => void {
  let left = PARTS
  const wait = () => setTimeout(next, ms / PARTS)
  const next = () => {
    left -= 1
    if (left > 0) timer = wait()
    else onLate()
  }
  let timer = wait()
  return () => clearTimeout(timer)
}
