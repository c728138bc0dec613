import type { Evaluation, Failure, Success } from '../flag/evaluate.ts'

/** How an evaluation ended: the reason of an answer, or the code of an error. */
export type Outcome = Success['reason'] | Failure['errorCode']
export type Outcomes = Record<Outcome, number>
type Sums = ReadonlyMap<Success['reason'], number>

/** Environments told apart at most; answers of further ones are counted together. */
const ENVIRONMENTS_MAX = 1_000
/** No environment has this name: theirs have a slash. */
const OTHERS = 'other'

/** How many evaluations ended how, by environment, since the process began. Knows no flags: their number has no limit. */
export class EvaluationCounts {
  readonly #outcomes = new Map<string, Outcomes>()
  readonly #sums = new WeakMap<readonly Success[], Sums>()

  /** Notes an answer of the environment `flagSetId`; takes some 20 ns. */
  count(flagSetId: string, evaluation: Evaluation): void {
    const outcomes = this.#outcomes.get(flagSetId) ?? this.#outcomesOf(flagSetId)
    outcomes[evaluation.reason === 'ERROR' ? evaluation.errorCode : evaluation.reason] += 1
  }

  /** Notes each of these answers of one environment; the list is added up when it comes for the first time. */
  countAll(flagSetId: string, evaluations: readonly Success[]): void {
    const outcomes = this.#outcomes.get(flagSetId) ?? this.#outcomesOf(flagSetId)
    const sums = this.#sums.get(evaluations) ?? this.#addUp(evaluations)
    for (const [reason, times] of sums) outcomes[reason] += times
  }

  all(): Iterable<[flagSetId: string, outcomes: Outcomes]> {
    return this.#outcomes
  }

  #addUp(evaluations: readonly Success[]): Sums {
    const sums = new Map<Success['reason'], number>()
    for (const { reason } of evaluations) sums.set(reason, (sums.get(reason) ?? 0) + 1)
    this.#sums.set(evaluations, sums)
    return sums
  }

  #outcomesOf(flagSetId: string): Outcomes {
    const name = this.#outcomes.size < ENVIRONMENTS_MAX ? flagSetId : OTHERS
    const held = this.#outcomes.get(name)
    if (held) return held
    const outcomes: Outcomes = {
      STATIC: 0,
      DEFAULT: 0,
      TARGETING_MATCH: 0,
      DISABLED: 0,
      FLAG_NOT_FOUND: 0,
      PARSE_ERROR: 0,
      TYPE_MISMATCH: 0,
      GENERAL: 0,
    }
    this.#outcomes.set(name, outcomes)
    return outcomes
  }
}
