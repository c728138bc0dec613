import { batches } from '../repository/postgres/database.ts'
import type { KeyUse, UsageBatch } from '../repository/postgres/usage.ts'
import type { LogLine } from '../telemetry/log.ts'
import { keyIdOf } from './key-set.ts'
import { UsageCounters } from './usage-counters.ts'

/** The first attempt may find that the connection broke while this replica was suspended. */
const LAST_TRIES = 2

/**
 * Counts evaluations in memory and stores the counts in batches: with the first evaluation a minute after the last flush, and at shutdown.
 * There is no timer.
 */
export class Usage extends UsageCounters {
  readonly #write: (batch: UsageBatch) => Promise<void>
  readonly #replica: string
  readonly #log: LogLine
  /** Batches that are not confirmed. A retry must send the same batch, because it may have been stored. */
  #sealed: UsageBatch[] = []
  #sequence = 0
  #flushing: Promise<void> | undefined
  #failures = 0

  /** `write` must be idempotent for each batch; `replica` is random for each process. */
  constructor(options: {
    write: (batch: UsageBatch) => Promise<void>
    replica: string
    log: LogLine
    countersMax?: number
  }) {
    super(options.countersMax)
    this.#write = options.write
    this.#replica = options.replica
    this.#log = options.log
  }

  /** Flushes that failed. */
  get failures(): number {
    return this.#failures
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

  protected override onDue(): void {
    if (!this.#flushing) void this.#flushOrLog()
  }

  /** Stores what this replica has counted so far. A failure is logged, and the next flush tries again. */
  async store(): Promise<void> {
    await this.#flushing?.catch(() => undefined) // it may have begun before the last evaluations
    await this.#flushOrLog()
  }

  async #flushOrLog(): Promise<void> {
    await this.#flush().catch((cause) => this.#log('Cannot store the usage yet', { cause }))
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
    const counts = [...batches(this.takeCounts())]
    const keyUses = [...batches(this.#storedKeyUses())]
    const syncs = [...batches(this.takeSyncs())]
    const missed = [...batches(this.takeMissed())]
    const size = Math.max(counts.length, keyUses.length, syncs.length, missed.length)
    for (let place = 0; place < size; place += 1) {
      this.#sequence += 1
      const uses = { keyUses: keyUses[place] ?? [], syncs: syncs[place] ?? [], missed: missed[place] ?? [] }
      const batch = { counts: counts[place] ?? [], ...uses }
      this.#sealed.push({ replica: this.#replica, sequence: this.#sequence, ...batch })
    }
  }

  /** Without the configured administrator key, which is not stored. */
  #storedKeyUses(): KeyUse[] {
    return this.takeKeyUses().flatMap(([name, at]) => {
      const keyId = keyIdOf({ name })
      return keyId === undefined ? [] : [{ keyId, at }]
    })
  }

  #uncounted(): number {
    const sealed = this.#sealed.flatMap(({ counts }) => counts)
    return sealed.reduce((sum, { count }) => sum + count, this.total())
  }
}
