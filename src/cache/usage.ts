import type { Evaluation, Success } from '../flag/evaluate.ts'
import { batches } from '../repository/postgres/database.ts'
import type { KeyUse, UsageBatch } from '../repository/postgres/usage.ts'
import type { LogLine } from '../telemetry/log.ts'
import { keyIdOf, type Principal } from './key-cache.ts'
import { LastUseTimes, UsageCounters } from './usage-counters.ts'

const FLUSH_SECONDS = 60
/** A connection that died while this replica slept is noticed by the first try. */
const LAST_TRIES = 2

/**
 * Counts evaluations in memory and hands the counts over in batches: when an evaluation comes and a minute has passed since
 * the last time, and at the end. There is no timer: without evaluations nothing happens.
 */
export class Usage {
  readonly #write: (batch: UsageBatch) => Promise<void>
  readonly #replica: string
  readonly #cells: UsageCounters
  readonly #log: LogLine
  /** By the name of the principal. */
  readonly #keyUses = new LastUseTimes<string>()
  readonly #syncs = new LastUseTimes<bigint>()
  /** Handed over and not known to have arrived. Only the same batch may be sent again: it may have arrived after all. */
  #sealed: UsageBatch[] = []
  #sequence = 0
  /** Unix seconds of the last flush that was begun; of the first evaluation while there was none. */
  #flushedAt: number | undefined
  #flushing: Promise<void> | undefined
  #failures = 0

  /** `write` must add a batch once, however often it is given; `replica` is random for each process. */
  constructor(options: {
    write: (batch: UsageBatch) => Promise<void>
    replica: string
    log: LogLine
    cellsMax?: number
  }) {
    this.#write = options.write
    this.#replica = options.replica
    this.#log = options.log
    this.#cells = new UsageCounters(options.cellsMax)
  }

  /** Flushes that failed. */
  get failures(): number {
    return this.#failures
  }

  /** Combinations that found no cell of their own. */
  get unnamed(): number {
    return this.#cells.unnamed
  }

  /**
   * Counts one answer given at `now` (unix seconds); one that no flag gave is not counted, so that invented keys cannot grow
   * this. Never throws and never waits.
   */
  count(environmentId: bigint, evaluation: Evaluation, now: number): void {
    if (this.#cells.count(environmentId, evaluation, now)) this.#flushWhenDue(now)
  }

  /** Counts each of these answers, at the cost of one where the same list comes again. */
  countAll(environmentId: bigint, evaluations: readonly Success[], now: number): void {
    this.#cells.countAll(environmentId, evaluations, now)
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

  #flushWhenDue(now: number): void {
    this.#flushedAt ??= now
    // A clock that was set back must not stop the flushing.
    if (Math.abs(now - this.#flushedAt) >= FLUSH_SECONDS) this.#flushBehind(now)
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

  #seal(): void {
    const counts = [...batches(this.#cells.take())]
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
    const sealed = this.#sealed.flatMap(({ counts }) => counts)
    return sealed.reduce((sum, { count }) => sum + count, this.#cells.total())
  }
}
