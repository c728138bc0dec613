import type { JsonRecord } from '../../definition.ts'
import { type Mistake, pointerTo, shorten } from '../../error.ts'
import type { Plan } from '../plan.ts'

/** How a plan that a client sent is completed. */
export type PlanSource = {
  /** JSON Pointer of the plan. */
  readonly pointer: string
  /** The second that "now" means; undefined refuses the word, because a document that says it has another plan each time. */
  readonly now?: number | undefined
  /** A salt for a rollout that has none. */
  readonly newSalt: () => string
  /** The stored plan, whose salts stay. */
  readonly before?: Plan | undefined
}

/** Mistakes found while a plan is read. Each `fail` returns undefined, the value that could not be read. */
export class Reading {
  readonly mistakes: Mistake[] = []
  readonly now: number | undefined
  readonly source: PlanSource

  constructor(source: PlanSource) {
    this.source = source
    this.now = source.now
  }

  fail(pointer: string, message: string): undefined {
    this.mistakes.push({ pointer, message })
    return undefined
  }

  /** Refuses members that have no meaning: they would be ignored otherwise. */
  onlyMembers(value: JsonRecord, known: readonly string[], pointer: string): void {
    for (const name of Object.keys(value))
      if (!known.includes(name))
        this.fail(pointer + pointerTo(name), `Unknown member ${shorten(name)}: there are ${known.join(', ')}`)
  }
}
