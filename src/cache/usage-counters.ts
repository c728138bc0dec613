import type { Evaluation, Success } from '../flag/evaluate.ts'
import type { MissedFlag, SyncUse, UsageCount, UsageReason } from '../repository/postgres/usage.ts'
import type { Principal } from './key-set.ts'
import { MissedFlags } from './missed-flags.ts'
import { agentOf } from './user-agent.ts'

type Writable<T> = { -readonly [K in keyof T]: T[K] }
type UsageCounter = Writable<UsageCount>
type RepeatedList = { readonly environmentId: bigint; times: number; lastAt: number }
type CounterKey = {
  readonly environmentId: bigint
  readonly key: string
  readonly variant: string
  readonly reason: UsageReason
}

const HOUR_SECONDS = 3_600
const FLUSH_SECONDS = 60
/**
 * Most counters until the next flush: at most about 30 MB, twice that while the database is unreachable. Beyond it, evaluations go into one
 * counter for each environment. To store all takes 1 to 3 seconds, less than a shutdown leaves.
 */
const COUNTERS_MAX = 50_000
/** Most evaluations in repeated lists until they are added to their counters, which then takes some milliseconds. */
const LISTED_MAX = 100_000
/** Counts evaluations since the last flush, by hour, environment, flag, variant and reason, and the uses of keys. Never waits. */
export abstract class UsageCounters {
  readonly #countersMax: number
  /** Counters by evaluation object: the evaluator returns the same object for each success of a flag and variant. */
  #known = new Map<Evaluation, UsageCounter>()
  #counters = new Map<string, UsageCounter>()
  /** Repeated bulk results, not yet added to their counters. */
  readonly #lists = new Map<readonly Success[], RepeatedList>()
  #listed = 0
  #overflow = new Map<bigint, UsageCounter>()
  #hour = Number.NaN
  #unnamed = 0
  /** By the name of the principal. */
  readonly #keyUses = new LastUseTimes<string>()
  readonly #syncs = new LastUseTimes<string>()
  /** Evaluations of keys without a flag, by environment and key: some are those of archived flags. */
  readonly #missed = new MissedFlags()
  /** Unix seconds of the last flush, or of the first evaluation before any. */
  #flushedAt: number | undefined

  constructor(countersMax = COUNTERS_MAX) {
    this.#countersMax = countersMax
  }

  /** Number of combinations that got no counter of their own. */
  get unnamed(): number {
    return this.#unnamed
  }

  /** Called by the first evaluation or use of a key when a minute has passed since the last flush: there is no timer. */
  protected abstract onDue(): void

  /** Counts one evaluation at `now` (unix seconds). Those of unknown flags, which are unbounded, wait for a batch of others. */
  count(environmentId: bigint, evaluation: Evaluation, now: number): void {
    this.#turnTo(now)
    const counter = this.#known.get(evaluation) ?? this.#find(environmentId, evaluation)
    if (counter === undefined) {
      this.#missed.count({ environmentId, flag: evaluation.key }, now)
      return
    }
    counter.count += 1
    counter.lastAt = now
    this.#flushWhenDue(now)
  }

  /** Counts each of these evaluations; a repeated array costs as much as one evaluation. */
  countAll(environmentId: bigint, evaluations: readonly Success[], now: number): void {
    this.#turnTo(now)
    const list = this.#lists.get(evaluations) ?? this.#list(environmentId, evaluations)
    list.times += 1
    list.lastAt = now
    this.#flushWhenDue(now)
  }

  /** Records the use of a stored key at `now` (unix seconds). */
  noteKeyUse(principal: Principal, now: number): void {
    this.#keyUses.note(principal.name, now)
    if (this.#keyUses.isPending) this.#flushWhenDue(now)
  }

  /** Records that an in-process provider with this user agent got the flag set of an environment at `now` (unix seconds). */
  noteSync(environmentId: bigint, userAgent: string | null, now: number): void {
    this.#syncs.note(`${environmentId}/${agentOf(userAgent)}`, now)
    if (this.#syncs.isPending) this.#flushWhenDue(now)
  }

  /** Removes and returns all counts, sorted, so that replicas lock rows in the same order. */
  protected takeCounts(): UsageCount[] {
    this.#addLists()
    const named = [...this.#counters].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, counter]) => counter)
    const last = [...this.#overflow.values()].sort((a, b) => (a.environmentId < b.environmentId ? -1 : 1))
    this.#known = new Map()
    this.#counters = new Map()
    this.#overflow = new Map()
    return [...named, ...last]
  }

  /** Removes and returns the uses of keys, by the name of the principal. */
  protected takeKeyUses(): [name: string, at: number][] {
    return this.#keyUses.take()
  }

  protected takeSyncs(): SyncUse[] {
    return this.#syncs.take().map(([name, at]) => {
      const end = name.indexOf('/')
      return { environmentId: BigInt(name.slice(0, end)), agent: name.slice(end + 1), at }
    })
  }

  /** Removes and returns the counts of keys without a flag, sorted. */
  protected takeMissed(): MissedFlag[] {
    return this.#missed.take()
  }

  /** Number of counted evaluations that were not taken. */
  protected total(): number {
    this.#addLists()
    return [...this.#counters.values(), ...this.#overflow.values()].reduce((sum, { count }) => sum + count, 0)
  }

  #flushWhenDue(now: number): void {
    this.#flushedAt ??= now
    if (Math.abs(now - this.#flushedAt) < FLUSH_SECONDS) return // abs(): also after the clock was set back
    this.#flushedAt = now
    this.onDue()
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
        const counter = this.#known.get(evaluation) ?? this.#find(environmentId, evaluation)
        if (counter === undefined) continue
        counter.count += times
        counter.lastAt = Math.max(counter.lastAt, lastAt)
      }
    this.#lists.clear()
    this.#listed = 0
  }

  #find(environmentId: bigint, evaluation: Evaluation): UsageCounter | undefined {
    if (evaluation.reason === 'ERROR') {
      // A new object each time.
      const { key, errorCode } = evaluation
      return errorCode === 'FLAG_NOT_FOUND'
        ? undefined
        : this.#counter({ environmentId, key, variant: '', reason: errorCode })
    }
    const { key, variant = '', reason } = evaluation
    const counter = this.#counter({ environmentId, key, variant, reason })
    if (this.#known.size >= this.#countersMax) this.#known.clear()
    this.#known.set(evaluation, counter)
    return counter
  }

  #counter({ environmentId, key, variant, reason }: CounterKey): UsageCounter {
    const name = `${environmentId}\0${this.#hour}\0${key}\0${variant}\0${reason}`
    const current = this.#counters.get(name)
    if (current) return current
    if (this.#counters.size >= this.#countersMax) return this.#overflowOf(environmentId)
    const counter = { environmentId, flag: key, hour: this.#hour, variant, reason, count: 0, lastAt: 0 }
    this.#counters.set(name, counter)
    return counter
  }

  /** One for each environment, in the last hour in which it was used. */
  #overflowOf(environmentId: bigint): UsageCounter {
    this.#unnamed += 1
    const current = this.#overflow.get(environmentId)
    const fresh: UsageCounter = {
      environmentId,
      flag: undefined,
      hour: 0,
      variant: '',
      reason: '',
      count: 0,
      lastAt: 0,
    }
    const counter = current ?? fresh
    counter.hour = this.#hour
    this.#overflow.set(environmentId, counter)
    return counter
  }
}

/** A use is recorded again after this long: at most one row for each key and replica in 5 minutes. */
const RESOLUTION_SECONDS = 300
/** Most remembered names; at the limit all are dropped. There are at most 10,000 keys. */
const REMEMBERED_MAX = 20_000

/** Last use of each key, or of each environment by a user agent, to 5 minutes. Clients choose agents: beyond a number, new ones are not recorded. */
class LastUseTimes<Name> {
  readonly #noted = new Map<Name, number>()
  #pending = new Map<Name, number>()

  /** True if there are uses that were not taken. */
  get isPending(): boolean {
    return this.#pending.size > 0
  }

  /** `now` in unix seconds. */
  note(name: Name, now: number): void {
    const notedAt = this.#noted.get(name)
    // abs(): also after the clock was set back.
    if (notedAt !== undefined && Math.abs(now - notedAt) < RESOLUTION_SECONDS) return
    if (this.#pending.size >= REMEMBERED_MAX && !this.#pending.has(name)) return
    if (this.#noted.size >= REMEMBERED_MAX) this.#noted.clear()
    this.#noted.set(name, now)
    this.#pending.set(name, Math.max(now, this.#pending.get(name) ?? 0))
  }

  /** Removes and returns the uses since the last call. */
  take(): [name: Name, at: number][] {
    const taken = [...this.#pending]
    this.#pending = new Map()
    return taken
  }
}
