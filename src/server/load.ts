import type { Counter } from '../telemetry/metrics.ts'
import { LoopDelay, type LoopDelayOptions } from './loop-delay.ts'
import type { Asked, Evaluate, Evaluating, Fetch, Refusal, Refuse, Send } from './server.ts'

export type LoadOptions = LoopDelayOptions & {
  /** Requests under way at once; 0: any number. */
  readonly requestsMax: number
  /** What is counted: requests that were refused, by the bound that was reached. */
  readonly shed: { readonly concurrency: Counter; readonly delay: Counter }
}

/**
 * How much a replica takes on. What is more is refused at once, so that those who were let in are answered in time and the
 * others ask another replica. A stream is under way until it begins; the open ones have limits of their own.
 */
export class Load {
  readonly #delay: LoopDelay
  readonly #requestsMax: number
  readonly #shed: LoadOptions['shed']
  #size = 0

  constructor({ requestsMax, shed, ...delay }: LoadOptions) {
    this.#delay = new LoopDelay(delay)
    this.#requestsMax = requestsMax > 0 ? requestsMax : Number.POSITIVE_INFINITY
    this.#shed = shed
  }

  /** Requests under way. */
  get size(): number {
    return this.#size
  }

  /** The counter of the bound that is reached, for whoever refuses because of it; undefined: there is room. */
  reached(): Counter | undefined {
    if (this.#size >= this.#requestsMax) return this.#shed.concurrency
    return this.#delay.isTooLong() ? this.#shed.delay : undefined
  }

  begin(): void {
    this.#size += 1
    this.#delay.ask()
  }

  /** A function of its own, that can be handed on. */
  readonly end = (): void => {
    this.#size -= 1
  }

  /** Answers by `refuse` what is too much. What that does not answer is never too much, as a probe. */
  refusing(refuse: (asked: Asked) => Refusal | undefined): Refuse {
    return (from, askedBy) => {
      const counter = this.reached()
      const refusal = counter && refuse(askedBy(from))
      if (refusal) counter.value += 1
      return refusal
    }
  }

  /** The same `fetch`, whose requests are under way until they are answered. */
  counted(fetch: Fetch): Fetch {
    return (request) => {
      this.begin()
      const answer = fetch(request)
      return answer instanceof Promise ? answer.then(this.#answered, this.#failed) : this.#answered(answer)
    }
  }

  /** The same `evaluating`; what it leaves to `fetch` is counted there. */
  countedWhere(evaluating: Evaluating): Evaluating {
    return <To, Sent>(send: Send<To, Sent>): Evaluate<To, Sent> => {
      const evaluate = evaluating<To, Sent>((reply, to) => {
        this.end()
        return send(reply, to)
      })
      return (asked, to) => {
        const sent = evaluate(asked, to)
        if (sent) this.begin()
        return sent
      }
    }
  }

  readonly #answered = <Answer>(answer: Answer): Answer => {
    this.end()
    return answer
  }

  readonly #failed = (error: unknown): never => {
    this.end()
    throw error
  }
}
