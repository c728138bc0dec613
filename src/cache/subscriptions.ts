import type { Invalidation, Invalidations } from '../repository/redis/invalidation.ts'
import { type BoundaryClock, BoundaryTimer } from './boundary-timer.ts'
import type { Replicated } from './replicated.ts'
import type { Snapshot } from './snapshots.ts'

export type SnapshotListener = {
  /** Called with each newer snapshot. */
  readonly onSnapshot: (snapshot: Snapshot) => void
  /** Called when a rule that depends on the time may change the values of these flags. Undefined for in-process providers. */
  readonly onBoundary?: ((snapshot: Snapshot, keys: readonly string[]) => void) | undefined
}
export type Subscribed = {
  /** The snapshot at the start of the subscription. */
  readonly snapshot: Snapshot
  /** Ends the subscription; idempotent. */
  leave(): void
}
export type SubscriptionsOptions = {
  /** Throws `not_found` or `unavailable`. */
  readonly replicated: (flagSetId: string) => Promise<Replicated<Snapshot>>
  /** Undefined without Redis: then only the timer finds changes of other replicas. */
  readonly invalidations: Invalidations | undefined
  /** Interval of checks, independent of invalidations. */
  readonly checkMs: number
  readonly clock: BoundaryClock
}

export type WatchOptions = {
  readonly signal: AbortSignal
  readonly silenceMs?: number | undefined
  /** Whether time boundaries of rules are updates as well. */
  readonly withBoundaries?: boolean
}
/** The newest snapshot, and the flags whose values may have changed by time alone since the previous update. */
export type SnapshotUpdate = { readonly snapshot: Snapshot; readonly timed: ReadonlySet<string> }

type EnvironmentSubscription = {
  readonly replicated: Replicated<Snapshot>
  readonly listeners: Set<SnapshotListener>
  readonly stop: AbortController
  timer: BoundaryTimer | undefined
}

/**
 * Notifies listeners of newer snapshots. The check timer, the Redis subscription and the boundary timers exist only while there are
 * listeners, so that nothing keeps an idle instance or a serverless database awake.
 */
export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #entries = new Map<string, EnvironmentSubscription>()
  #watch: AbortController | undefined

  constructor(options: SubscriptionsOptions) {
    this.#options = options
  }

  /** True while there are listeners. */
  get isWatching(): boolean {
    return this.#watch !== undefined
  }

  /** Adds a listener. Throws `not_found` or `unavailable`. */
  async add(flagSetId: string, listener: SnapshotListener): Promise<Subscribed> {
    const replicated = await this.#options.replicated(flagSetId)
    const snapshot = replicated.value
    if (snapshot === undefined) throw new Error('Cannot follow an environment that is not cached')
    const known = this.#entries.get(flagSetId)
    // Snapshots made a new entry if the old one was evicted.
    const entry = known?.replicated === replicated ? known : this.#follow(flagSetId, replicated, known)
    entry.listeners.add(listener)
    if (listener.onBoundary) entry.timer ??= this.#startTimer(entry, snapshot)
    this.#watch ??= this.#startWatch()
    return { snapshot, leave: () => this.#leave(flagSetId, listener) }
  }

  /**
   * Yields the cached snapshot, then newer ones until `signal` aborts; null after each `silenceMs` without an update. A slow reader skips
   * to the newest snapshot, with all flags that changed by time since. Throws `not_found` or `unavailable`.
   */
  async *watch(
    flagSetId: string,
    { signal, silenceMs, withBoundaries = false }: WatchOptions,
  ): AsyncGenerator<SnapshotUpdate | null> {
    let newest: Snapshot | undefined
    let timed = new Set<string>()
    let wake: () => void = () => undefined
    const onSnapshot = (snapshot: Snapshot, keys: readonly string[] = []) => {
      newest = snapshot
      for (const key of keys) timed.add(key)
      wake()
    }
    const subscribed = await this.add(flagSetId, { onSnapshot, onBoundary: withBoundaries ? onSnapshot : undefined })
    const stop = () => wake()
    signal.addEventListener('abort', stop, { once: true })
    try {
      newest ??= subscribed.snapshot
      while (!signal.aborted) {
        const next: Snapshot | undefined = newest
        newest = undefined
        if (next !== undefined) {
          const update: SnapshotUpdate = { snapshot: next, timed }
          timed = new Set()
          yield update
        } else if (
          await isSilent((resolve) => {
            wake = resolve
          }, silenceMs)
        )
          yield null
      }
    } finally {
      signal.removeEventListener('abort', stop)
      subscribed.leave()
    }
  }

  #follow(
    flagSetId: string,
    replicated: Replicated<Snapshot>,
    before: EnvironmentSubscription | undefined,
  ): EnvironmentSubscription {
    before?.stop.abort()
    before?.timer?.stop()
    const listeners = before?.listeners ?? new Set<SnapshotListener>()
    const entry: EnvironmentSubscription = {
      replicated,
      listeners,
      stop: new AbortController(),
      timer: undefined,
    }
    if (before?.timer && replicated.value) entry.timer = this.#startTimer(entry, replicated.value)
    this.#entries.set(flagSetId, entry)
    void this.#notify(entry)
    return entry
  }

  async #notify(entry: EnvironmentSubscription): Promise<void> {
    const { replicated, listeners, stop } = entry
    let seen = replicated.value
    for await (const snapshot of replicated.follow(stop.signal)) {
      if (snapshot === seen) continue
      seen = snapshot
      entry.timer?.replace(snapshot)
      for (const { onSnapshot } of listeners) onSnapshot(snapshot)
    }
  }

  #startTimer({ replicated, listeners }: EnvironmentSubscription, snapshot: Snapshot): BoundaryTimer {
    return new BoundaryTimer(this.#options.clock, snapshot, (keys) => {
      const newest = replicated.value
      if (newest) for (const { onBoundary } of listeners) onBoundary?.(newest, keys)
    })
  }

  #leave(flagSetId: string, listener: SnapshotListener): void {
    const entry = this.#entries.get(flagSetId)
    if (!entry?.listeners.delete(listener)) return
    if (!entry.listeners.values().some(({ onBoundary }) => onBoundary)) {
      entry.timer?.stop()
      entry.timer = undefined
    }
    if (entry.listeners.size > 0) return
    entry.stop.abort()
    this.#entries.delete(flagSetId)
    if (this.#entries.size > 0) return
    this.#watch?.abort()
    this.#watch = undefined
  }

  #startWatch(): AbortController {
    const watch = new AbortController()
    const timer = setInterval(() => this.#checkAll(this.#options.checkMs / 2), this.#options.checkMs)
    watch.signal.addEventListener('abort', () => clearInterval(timer))
    const handlers = {
      onReady: () => this.#checkAll(0),
      onInvalidation: (invalidation: Invalidation) => void this.#take(invalidation),
    }
    void this.#options.invalidations?.(handlers, watch.signal)
    return watch
  }

  #checkAll(ageMs: number): void {
    for (const { replicated } of this.#entries.values()) if (replicated.ageMs >= ageMs) void replicated.check()
  }

  /** Checks twice: the first call may share a check that began before the invalidation. */
  async #take(invalidation: Invalidation): Promise<void> {
    const replicated = this.#entries.get(invalidation.name)?.replicated
    for (let tries = 0; replicated && tries < 2 && isNewer(invalidation, replicated.value); tries++)
      await replicated.check()
  }
}

const isNewer = (invalidation: Invalidation, value: Snapshot | undefined): boolean =>
  invalidation.incarnation !== value?.incarnation || invalidation.revision > value.revision

/** Resolves to false when woken, to true after `ms`. */
function isSilent(onWake: (wake: () => void) => void, ms: number | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = ms === undefined ? undefined : setTimeout(() => resolve(true), ms)
    onWake(() => {
      clearTimeout(timer)
      resolve(false)
    })
  })
}
