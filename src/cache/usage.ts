import type { Evaluation, Success } from '../flag/evaluate.ts'
import { batches } from '../repository/postgres/database.ts'
import type { KeyUse, UsageBatch } from '../repository/postgres/usage.ts'
import type { LogLine } from '../telemetry/log.ts'
import { keyIdOf, type Principal } from './key-cache.ts'
import { LastUseTimes, UsageCounters } from './usage-counters.ts'

const FLUSH_SECONDS = 60
/** The first attempt may find that the connection broke while this replica was suspended. */
const LAST_TRIES = 2

/**
 * Counts evaluations in memory and stores the counts in batches: with the first evaluation a minute after the last flush, and at shutdown.
 * There is no timer.
 */
export class Usage {
  readonly #write: (batch: UsageBatch) => Promise<void>
  readonly #replica: string
  readonly #counters: UsageCounters
  readonly #log: LogLine
  /** By the name of the principal. */
  readonly #keyUses = new LastUseTimes<string>()
  readonly #syncs = new LastUseTimes<bigint>()
  /** Batches that are not confirmed. A retry must send the same batch, because it may have been stored. */
  #sealed: UsageBatch[] = []
  #sequence = 0
  /** Unix seconds of the start of the last flush, or of the first evaluation before any. */
  #flushedAt: number | undefined
  #flushing: Promise<void> | undefined
  #failures = 0

  /** `write` must be idempotent for each batch; `replica` is random for each process. */
  constructor(options: {
    write: (batch: UsageBatch) => Promise<void>
    replica: string
    log: LogLine
    countersMax?: number
  }) {
    this.#write = options.write
    this.#replica = options.replica
    this.#log = options.log
    this.#counters = new UsageCounters(options.countersMax)
  }

  /** Flushes that failed. */
  get failures(): number {
    return this.#failures
  }

  /** Number of combinations that got no counter of their own. */
  get unnamed(): number {
    return this.#counters.unnamed
  }

  /** Counts one evaluation at `now` (unix seconds), except of an unknown flag: those are unbounded. Never throws or waits. */
  count(environmentId: bigint, evaluation: Evaluation, now: number): void {
    if (this.#counters.count(environmentId, evaluation, now)) this.#flushWhenDue(now)
  }

  /** Counts each of these evaluations; a repeated array costs as much as one evaluation. */
  countAll(environmentId: bigint, evaluations: readonly Success[], now: number): void {
    this.#counters.countAll(environmentId, evaluations, now)
    this.#flushWhenDue(now)
  }

  /** Records the use of a stored key at `now` (unix seconds). Never waits. */
  noteKeyUse(principal: Principal, now: number): void {
    this.#keyUses.note(principal.name, now)
    if (this.#keyUses.isPending) this.#flushWhenDue(now)
  }

  /** Records that an in-process provider got the flag set of an environment at `now` (unix seconds). */
  noteSync(environmentId: bigint, now: number): void {
    this.#syncs.note(environmentId, now)
    if (this.#syncs.isPending) this.#flushWhenDue(now)
  }

  /** Stores all counts, in two attempts. Counts that are not stored when `signal` aborts are lost and logged. */
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
    // abs(): also after the clock was set back.
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

  /** Unconfirmed batches first, unchanged; new counts accumulate meanwhile. */
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
    const counts = [...batches(this.#counters.take())]
    const keyUses = [...batches(this.#takeKeyUses())]
    const syncs = [...batches(this.#syncs.take().map(([environmentId, at]) => ({ environmentId, at })))]
    for (let place = 0; place < Math.max(counts.length, keyUses.length, syncs.length); place += 1) {
      this.#sequence += 1
      const batch = { counts: counts[place] ?? [], keyUses: keyUses[place] ?? [], syncs: syncs[place] ?? [] }
      this.#sealed.push({ replica: this.#replica, sequence: this.#sequence, ...batch })
    }
  }

  /** Without the configured administrator key, which is not stored. */
  #takeKeyUses(): KeyUse[] {
    return this.#keyUses.take().flatMap(([name, at]) => {
      const keyId = keyIdOf({ name })
      return keyId === undefined ? [] : [{ keyId, at }]
    })
  }

  #uncounted(): number {
    const sealed = this.#sealed.flatMap(({ counts }) => counts)
    return sealed.reduce((sum, { count }) => sum + count, this.#counters.total())
  }
}
