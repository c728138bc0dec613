import type { Counter } from '../telemetry/metrics.ts'
import type { Fetch } from './server.ts'

/**
 * A turn whose responses take less time each is no overload, however many they are. Bun serves new connections in one turn as long as they
 * arrive: a dozen clients that connect anew for each request make one of hundreds, at 0.1 ms each.
 */
const BUSY_RESPONSE_MS = 0.5

export type ConcurrencyLimitOptions = {
  /** Requests in progress at once; 0: any number. */
  readonly requestsMax: number
  /** Counts refused requests. */
  readonly shed: Counter
}

/**
 * How many requests a replica works on at once. Those above the limit are refused immediately, so that the others are answered in time.
 * A response keeps its place until the end of the turn of the event loop in which it was made: a runtime hands over all requests that
 * it has read in one turn, one after the other, and writes their responses after it. Without that, work that waits for nothing would
 * never be counted twice, however many clients wait for it.
 */
export class ConcurrencyLimit {
  readonly #requestsMax: number
  readonly #shed: Counter
  #inProgress = 0
  #endedInTurn = 0
  #turnBeganAt = 0

  constructor({ requestsMax, shed }: ConcurrencyLimitOptions) {
    this.#requestsMax = requestsMax > 0 ? requestsMax : Number.POSITIVE_INFINITY
    this.#shed = shed
  }

  /** Requests in progress. A stream is, until it begins. */
  get size(): number {
    return this.#inProgress
  }

  /** The counter of refused requests if the limit is reached; undefined: there is room. */
  reached(): Counter | undefined {
    if (this.#inProgress >= this.#requestsMax) return this.#shed
    if (this.#inProgress + this.#endedInTurn < this.#requestsMax) return undefined
    if (performance.now() - this.#turnBeganAt >= this.#requestsMax * BUSY_RESPONSE_MS) return this.#shed
    this.#beginTurn()
    return undefined
  }

  begin(): void {
    this.#inProgress += 1
  }

  readonly end = (): void => {
    this.#inProgress -= 1
    if (this.#endedInTurn === 0) {
      this.#beginTurn()
      setImmediate(this.#endTurn)
    }
    this.#endedInTurn += 1
  }

  /** `fetch` within the limit; above it, the response of `refuse`. Where that is undefined, as for probes, the request is served. */
  wrap(fetch: Fetch, refuse: (request: Request) => Response | undefined): Fetch {
    return (request, env) => {
      const counter = this.reached()
      const refusal = counter && refuse(request)
      if (refusal) {
        counter.value += 1
        return refusal
      }
      this.begin()
      try {
        const response = fetch(request, env)
        return response instanceof Promise ? response.then(this.#ended, this.#failed) : this.#ended(response)
      } catch (error) {
        this.end()
        throw error
      }
    }
  }

  readonly #ended = (response: Response): Response => {
    this.end()
    return response
  }

  readonly #failed = (error: unknown): never => {
    this.end()
    throw error
  }

  #beginTurn(): void {
    this.#endedInTurn = 0
    this.#turnBeganAt = performance.now()
  }

  readonly #endTurn = (): void => {
    this.#endedInTurn = 0
  }
}
