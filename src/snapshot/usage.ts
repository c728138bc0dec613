import type { Evaluation, Success } from '../flag/evaluate.ts'
import { batches } from '../store/batches.ts'
import type { KeyUse, UsageBatch, UsageCount, UsageReason } from '../store/usage.ts'
import type { Log } from './keeping.ts'
import { keyIdOf, type Principal } from './keyring.ts'
import { LastTimes } from './last-times.ts'

type Cell = { -readonly [K in keyof UsageCount]: UsageCount[K] }
type List = { readonly environmentId: bigint; times: number; lastAt: number }
type Combination = {
  readonly environmentId: bigint
  readonly key: string
  readonly variant: string
  readonly reason: UsageReason
}

const HOUR_SECONDS = 3_600
const FLUSH_SECONDS = 60
/**
 * Different combinations of hour, environment, flag, variant and reason that are counted apart until the next flush: some
 * 30 MB at most, and as much again while the database is away. Further new ones are counted in one cell of their environment.
 * Storing them all takes 1 to 3 seconds, which a stop signal leaves.
 */
const CELLS_MAX = 50_000
/** Flags in lists that are counted as one until the next flush: adding that many up takes some milliseconds. */
const LISTED_MAX = 100_000
/** A connection that died while this replica slept is noticed by the first try. */
const LAST_TRIES = 2

/**
 * Counts evaluations in memory and hands the counts over in batches: when an evaluation comes and a minute has passed since
 * the last time, and at the end. There is no timer: without evaluations nothing happens.
 */
export class Usage {
  readonly #write: (batch: UsageBatch) => Promise<void>
  readonly #replica: string
  readonly #cellsMax: number
  readonly #log: Log
  /**
   * The cell of an answer, found by the answer itself: successes are made once for each flag of each environment, and the same
   * object is given every time.
   */
  #known = new Map<Evaluation, Cell>()
  #cells = new Map<string, Cell>()
  /** Answers that are given together again and again, not yet added to their cells. */
  readonly #lists = new Map<readonly Success[], List>()
  #listed = 0
  #overflow = new Map<bigint, Cell>()
  /** By the name of the principal. */
  readonly #keyUses = new LastTimes<string>()
  readonly #syncs = new LastTimes<bigint>()
  /** Handed over and not known to have arrived. Only the same batch may be sent again: it may have arrived after all. */
  #sealed: UsageBatch[] = []
  #sequence = 0
  #hour = Number.NaN
  /** Unix seconds of the last flush that was begun; of the first evaluation while there was none. */
  #flushedAt: number | undefined
  #flushing: Promise<void> | undefined
  #failures = 0
  #unnamed = 0

  /** `write` must add a batch once, however often it is given; `replica` is random for each process. */
  constructor(options: {
    write: (batch: UsageBatch) => Promise<void>
    replica: string
    log: Log
    cellsMax?: number
  }) {
    this.#write = options.write
    this.#replica = options.replica
    this.#log = options.log
    this.#cellsMax = options.cellsMax ?? CELLS_MAX
  }

  /** Flushes that failed. */
  get failures(): number {
    return this.#failures
  }

  /** Combinations that found no cell of their own. */
  get unnamed(): number {
    return this.#unnamed
  }

  /**
   * Counts one answer given at `now` (unix seconds); one that no flag gave is not counted, so that invented keys cannot grow
   * this. Never throws and never waits.
   */
  count(environmentId: bigint, evaluation: Evaluation, now: number): void {
    this.#turnTo(now)
    const cell = this.#known.get(evaluation) ?? this.#find(environmentId, evaluation)
    if (cell === undefined) return
    cell.count += 1
    cell.lastAt = now
    this.#flushWhenDue(now)
  }

  /** Counts each of these answers, at the cost of one where the same list comes again. */
  countAll(environmentId: bigint, evaluations: readonly Success[], now: number): void {
    this.#turnTo(now)
    const list = this.#lists.get(evaluations) ?? this.#list(environmentId, evaluations)
    list.times += 1
    list.lastAt = now
    this.#flushWhenDue(now)
  }

  /** Notes that a stored key was used at `now` (unix seconds). Called for each request, so it never waits. */
  noteKeyUse(principal: Principal, now: number): void {
    this.#keyUses.note(principal.name, now)
    if (this.#keyUses.isPending) this.#flushWhenDue(now)
  }

  /** Notes that a provider which evaluates in process got the flag set of an environment at `now` (unix seconds). */
  noteSync(environmentId: bigint, now: number): void {
    this.#syncs.note(environmentId, now)
    if (this.#syncs.isPending) this.#flushWhenDue(now)
  }

  /** Brings home all that was counted; tries twice. What cannot be brought home before `signal` is lost, and that is logged. */
  async drain(signal: AbortSignal): Promise<void> {
    const late = Promise.withResolvers<never>()
    signal.addEventListener('abort', () => late.reject(signal.reason), { once: true })
    try {
      signal.throwIfAborted()
      await Promise.race([this.#drain(signal), late.promise])
    } catch (cause) {
      this.#log('Cannot store the usage: these evaluations stay uncounted', { evaluations: this.#uncounted(), cause })
    }
  }

  async #drain(signal: AbortSignal): Promise<void> {
    await this.#flushing?.catch(() => undefined)
    for (let tries = 1; !signal.aborted; tries += 1) {
      try {
        return await this.#flush()
      } catch (cause) {
        if (tries === LAST_TRIES) throw cause
      }
    }
  }

  #turnTo(now: number): void {
    const hour = Math.floor(now / HOUR_SECONDS)
    if (hour === this.#hour) return
    this.#addLists()
    this.#hour = hour
    this.#known.clear()
  }

  #list(environmentId: bigint, evaluations: readonly Success[]): List {
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

  #flushWhenDue(now: number): void {
    this.#flushedAt ??= now
    // A clock that was set back must not stop the flushing.
    if (Math.abs(now - this.#flushedAt) >= FLUSH_SECONDS) this.#flushBehind(now)
  }

  #find(environmentId: bigint, evaluation: Evaluation): Cell | undefined {
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

  #cell({ environmentId, key, variant, reason }: Combination): Cell {
    const name = `${environmentId}\0${this.#hour}\0${key}\0${variant}\0${reason}`
    const held = this.#cells.get(name)
    if (held) return held
    if (this.#cells.size >= this.#cellsMax) return this.#overflowOf(environmentId)
    const cell = { environmentId, flag: key, hour: this.#hour, variant, reason, count: 0, lastAt: 0 }
    this.#cells.set(name, cell)
    return cell
  }

  /** One for an environment, whatever the hour: it stands in the last one in which it was needed. */
  #overflowOf(environmentId: bigint): Cell {
    this.#unnamed += 1
    const held = this.#overflow.get(environmentId)
    const fresh: Cell = { environmentId, flag: undefined, hour: 0, variant: '', reason: '', count: 0, lastAt: 0 }
    const cell = held ?? fresh
    cell.hour = this.#hour
    this.#overflow.set(environmentId, cell)
    return cell
  }

  #flushBehind(now: number): void {
    this.#flushedAt = now
    if (this.#flushing) return
    this.#flush().catch((cause) => this.#log('Cannot store the usage yet', { cause }))
  }

  #flush(): Promise<void> {
    const fail = (cause: unknown) => {
      this.#failures += 1
      throw cause
    }
    this.#flushing ??= this.#send()
      .catch(fail)
      .finally(() => {
        this.#flushing = undefined
      })
    return this.#flushing
  }

  /** What a flush before could not bring home goes first, as it was: meanwhile new counts gather in their cells. */
  async #send(): Promise<void> {
    await this.#sendSealed()
    this.#seal()
    await this.#sendSealed()
  }

  async #sendSealed(): Promise<void> {
    for (let batch = this.#sealed[0]; batch; batch = this.#sealed[0]) {
      await this.#write(batch)
      this.#sealed.shift()
    }
  }

  /** Sorted, so that replicas which store the same counters do so in the same order. */
  #seal(): void {
    this.#addLists()
    const named = [...this.#cells].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cell]) => cell)
    const last = [...this.#overflow.values()].sort((a, b) => (a.environmentId < b.environmentId ? -1 : 1))
    this.#known = new Map()
    this.#cells = new Map()
    this.#overflow = new Map()
    const counts = [...batches([...named, ...last])]
    const keyUses = [...batches(this.#takeKeyUses())]
    const syncs = [...batches(this.#syncs.take().map(([environmentId, at]) => ({ environmentId, at })))]
    for (let place = 0; place < Math.max(counts.length, keyUses.length, syncs.length); place += 1) {
      this.#sequence += 1
      const batch = { counts: counts[place] ?? [], keyUses: keyUses[place] ?? [], syncs: syncs[place] ?? [] }
      this.#sealed.push({ replica: this.#replica, sequence: this.#sequence, ...batch })
    }
  }

  /** Without the administrator of the configuration, who has no stored key. */
  #takeKeyUses(): KeyUse[] {
    return this.#keyUses.take().flatMap(([name, at]) => {
      const keyId = keyIdOf({ name })
      return keyId === undefined ? [] : [{ keyId, at }]
    })
  }

  #uncounted(): number {
    this.#addLists()
    const sealed = this.#sealed.flatMap(({ counts }) => counts)
    return [...sealed, ...this.#cells.values(), ...this.#overflow.values()].reduce((sum, { count }) => sum + count, 0)
  }
}
