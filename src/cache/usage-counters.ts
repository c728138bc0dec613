import type { Evaluation, Success } from '../flag/evaluate.ts'
import type { UsageCount, UsageReason } from '../repository/postgres/usage.ts'

type UsageCounter = { -readonly [K in keyof UsageCount]: UsageCount[K] }
type RepeatedList = { readonly environmentId: bigint; times: number; lastAt: number }
type CounterKey = {
  readonly environmentId: bigint
  readonly key: string
  readonly variant: string
  readonly reason: UsageReason
}

const HOUR_SECONDS = 3_600
/**
 * Different combinations of hour, environment, flag, variant and reason that are counted apart until the next flush: some
 * 30 MB at most, and as much again while the database is away. Further new ones are counted in one cell of their environment.
 * Storing them all takes 1 to 3 seconds, which a stop signal leaves.
 */
const CELLS_MAX = 50_000
/** Flags in lists that are counted as one until the next flush: adding that many up takes some milliseconds. */
const LISTED_MAX = 100_000
/** The counts since the last flush, by hour, environment, flag, variant and reason. */
export class UsageCounters {
  readonly #cellsMax: number
  /**
   * The cell of an answer, found by the answer itself: successes are made once for each flag of each environment, and the same
   * object is given every time.
   */
  #known = new Map<Evaluation, UsageCounter>()
  #cells = new Map<string, UsageCounter>()
  /** Answers that are given together again and again, not yet added to their cells. */
  readonly #lists = new Map<readonly Success[], RepeatedList>()
  #listed = 0
  #overflow = new Map<bigint, UsageCounter>()
  #hour = Number.NaN
  #unnamed = 0

  constructor(cellsMax = CELLS_MAX) {
    this.#cellsMax = cellsMax
  }

  /** Combinations that found no cell of their own. */
  get unnamed(): number {
    return this.#unnamed
  }

  /** Counts one answer given at `now` (unix seconds); false for one that no flag gave. */
  count(environmentId: bigint, evaluation: Evaluation, now: number): boolean {
    this.#turnTo(now)
    const cell = this.#known.get(evaluation) ?? this.#find(environmentId, evaluation)
    if (cell === undefined) return false
    cell.count += 1
    cell.lastAt = now
    return true
  }

  /** Counts each of these answers, at the cost of one where the same list comes again. */
  countAll(environmentId: bigint, evaluations: readonly Success[], now: number): void {
    this.#turnTo(now)
    const list = this.#lists.get(evaluations) ?? this.#list(environmentId, evaluations)
    list.times += 1
    list.lastAt = now
  }

  /** Takes all counts out, sorted, so that replicas which store the same counters do so in the same order. */
  take(): UsageCount[] {
    this.#addLists()
    const named = [...this.#cells].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cell]) => cell)
    const last = [...this.#overflow.values()].sort((a, b) => (a.environmentId < b.environmentId ? -1 : 1))
    this.#known = new Map()
    this.#cells = new Map()
    this.#overflow = new Map()
    return [...named, ...last]
  }

  /** Evaluations that are counted and not taken out. */
  total(): number {
    this.#addLists()
    return [...this.#cells.values(), ...this.#overflow.values()].reduce((sum, { count }) => sum + count, 0)
  }

  #turnTo(now: number): void {
    const hour = Math.floor(now / HOUR_SECONDS)
    if (hour === this.#hour) return
    this.#addLists()
    this.#hour = hour
    this.#known.clear()
  }

  #list(environmentId: bigint, evaluations: readonly Success[]): RepeatedList {
    if (this.#listed + evaluations.length > LISTED_MAX) this.#addLists()
    const list = { environmentId, times: 0, lastAt: 0 }
    this.#lists.set(evaluations, list)
    this.#listed += evaluations.length
    return list
  }

  #addLists(): void {
    for (const [evaluations, { environmentId, times, lastAt }] of this.#lists)
      for (const evaluation of evaluations) {
        const cell = this.#known.get(evaluation) ?? this.#find(environmentId, evaluation)
        if (cell === undefined) continue
        cell.count += times
        cell.lastAt = Math.max(cell.lastAt, lastAt)
      }
    this.#lists.clear()
    this.#listed = 0
  }

  #find(environmentId: bigint, evaluation: Evaluation): UsageCounter | undefined {
    if (evaluation.reason === 'ERROR') {
      // Made anew each time, so it is found by its words alone.
      const { key, errorCode } = evaluation
      return errorCode === 'FLAG_NOT_FOUND'
        ? undefined
        : this.#cell({ environmentId, key, variant: '', reason: errorCode })
    }
    const { key, variant = '', reason } = evaluation
    const cell = this.#cell({ environmentId, key, variant, reason })
    if (this.#known.size >= this.#cellsMax) this.#known.clear()
    this.#known.set(evaluation, cell)
    return cell
  }

  #cell({ environmentId, key, variant, reason }: CounterKey): UsageCounter {
    const name = `${environmentId}\0${this.#hour}\0${key}\0${variant}\0${reason}`
    const held = this.#cells.get(name)
    if (held) return held
    if (this.#cells.size >= this.#cellsMax) return this.#overflowOf(environmentId)
    const cell = { environmentId, flag: key, hour: this.#hour, variant, reason, count: 0, lastAt: 0 }
    this.#cells.set(name, cell)
    return cell
  }

  /** One for an environment, whatever the hour: it stands in the last one in which it was needed. */
  #overflowOf(environmentId: bigint): UsageCounter {
    this.#unnamed += 1
    const held = this.#overflow.get(environmentId)
    const fresh: UsageCounter = {
      environmentId,
      flag: undefined,
      hour: 0,
      variant: '',
      reason: '',
      count: 0,
      lastAt: 0,
    }
    const cell = held ?? fresh
    cell.hour = this.#hour
    this.#overflow.set(environmentId, cell)
    return cell
  }
}

/** A time is noted again after this many seconds: one row of a batch per replica and 5 minutes, however busy a key is. */
const RESOLUTION_SECONDS = 300
/** Names that are remembered, so that they are not noted again; then all are forgotten. Keys are at most 10,000 at a time. */
const REMEMBERED_MAX = 20_000

/** When each of some things last happened, to 5 minutes. Only what exists is noted, such as valid keys, so their number is bounded. */
export class LastUseTimes<Name> {
  readonly #noted = new Map<Name, number>()
  #pending = new Map<Name, number>()

  /** True while something was noted that was not taken. */
  get isPending(): boolean {
    return this.#pending.size > 0
  }

  /** `now` in unix seconds. */
  note(name: Name, now: number): void {
    const notedAt = this.#noted.get(name)
    // A clock that was set back must not stop the noting.
    if (notedAt !== undefined && Math.abs(now - notedAt) < RESOLUTION_SECONDS) return
    if (this.#noted.size >= REMEMBERED_MAX) this.#noted.clear()
    this.#noted.set(name, now)
    this.#pending.set(name, Math.max(now, this.#pending.get(name) ?? 0))
  }

  /** What was noted since the last time, for the caller to store. */
  take(): [name: Name, at: number][] {
    const taken = [...this.#pending]
    this.#pending = new Map()
    return taken
  }
}
