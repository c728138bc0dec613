import { Labeled, newCounter } from '../telemetry/metrics.ts'

/** What a look for something newer found; "older" is not believed. */
export type Result = 'same' | 'newer' | 'gone' | 'older' | 'failed'

/** How this replica stands with the database, as far as its last question tells. */
export class DatabaseHealth {
  /** Looks for newer revisions, by who answered and what came of it. */
  readonly checks = new Labeled(['source', 'result'], newCounter)
  #isLoaded = false
  #trouble: unknown
  #since: number | undefined

  /** Something was loaded that can be served, from Postgres or from a copy. */
  get isLoaded(): boolean {
    return this.#isLoaded
  }

  /** Why the database could not be asked the last time; undefined when it could. */
  get trouble(): unknown {
    return this.#trouble
  }

  /** Milliseconds at which the database answered last, or failed first; undefined before the first question. */
  get since(): number | undefined {
    return this.#since
  }

  loaded(): void {
    this.#isLoaded = true
  }

  answered(now: number): void {
    this.#trouble = undefined
    this.#since = now
  }

  failed(cause: unknown, now: number): void {
    this.#trouble = cause
    this.#since ??= now
  }
}
