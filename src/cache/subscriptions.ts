import type { Invalidation, Invalidations } from '../repository/redis/invalidation.ts'
import { type BoundaryClock, BoundaryTimer } from './boundary-timer.ts'
import type { Replicated } from './replicated.ts'
import type { Snapshot } from './snapshots.ts'

export type SnapshotListener = {
  /** Called with each snapshot that takes the place of another. */
  readonly onSnapshot: (snapshot: Snapshot) => void
  /** Called when time alone has changed what these flags may answer. Undefined where the client evaluates by itself. */
  readonly onBoundary?: ((snapshot: Snapshot, keys: readonly string[]) => void) | undefined
}
export type Subscribed = {
  /** What is held as listening begins. */
  readonly snapshot: Snapshot
  /** Ends listening; a second call does nothing. */
  leave(): void
}
export type SubscriptionsOptions = {
  /** Throws `not_found` or `unavailable`. */
  readonly replicated: (flagSetId: string) => Promise<Replicated<Snapshot>>
  /** Undefined without Redis: then the timer alone brings what other replicas changed. */
  readonly invalidations: Invalidations | undefined
  /** How often what is followed is checked, whether or not a invalidation came. */
  readonly checkMs: number
  readonly clock: BoundaryClock
}

export type WatchOptions = {
  readonly signal: AbortSignal
  readonly silenceMs?: number | undefined
  /** Whether the boundaries of time are news as well. */
  readonly withBoundaries?: boolean
}
/** What is held, and the flags whose answers time alone may have changed since the news before. */
export type SnapshotUpdate = { readonly snapshot: Snapshot; readonly timed: ReadonlySet<string> }

type EnvironmentSubscription = {
  readonly replicated: Replicated<Snapshot>
  readonly listeners: Set<SnapshotListener>
  readonly stop: AbortController
  timer: BoundaryTimer | undefined
}

/**
 * Tells listeners of every newer snapshot of an environment. While there is one, this replica has a timer and a subscription to hints;
 * with the last one both go, so that nothing keeps an idle instance or a serverless database awake. The same holds for the timer to the
 * next boundary of time, of each environment.
 */
export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #entries = new Map<string, EnvironmentSubscription>()
  #watch: AbortController | undefined

  constructor(options: SubscriptionsOptions) {
    this.#options = options
  }

  /** True while anybody listens. */
  get isWatching(): boolean {
    return this.#watch !== undefined
  }

  /** Adds a listener. Throws `not_found` or `unavailable`. */
  async add(flagSetId: string, listener: SnapshotListener): Promise<Subscribed> {
    const held = await this.#options.replicated(flagSetId)
    const snapshot = held.value
    if (snapshot === undefined) throw new Error('Cannot follow an environment that is not held')
    const known = this.#entries.get(flagSetId)
    // Snapshots makes a new one where the old one had to make room.
    const entry = known?.replicated === held ? known : this.#follow(flagSetId, held, known)
    entry.listeners.add(listener)
    if (listener.onBoundary) entry.timer ??= this.#startTimer(entry, snapshot)
    this.#watch ??= this.#startWatch()
    return { snapshot, leave: () => this.#leave(flagSetId, listener) }
  }

  /**
   * Yields what is held, then everything newer until `signal` aborts; null after each `silenceMs` without news. A slow reader skips to
   * the newest, and misses no flag that time has changed. Throws `not_found` or `unavailable`.
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
    const followed = await this.add(flagSetId, { onSnapshot, onBoundary: withBoundaries ? onSnapshot : undefined })
    const stop = () => wake()
    signal.addEventListener('abort', stop, { once: true })
    try {
      newest ??= followed.snapshot
      while (!signal.aborted) {
        const next: Snapshot | undefined = newest
        newest = undefined
        if (next !== undefined) {
          const news: SnapshotUpdate = { snapshot: next, timed }
          timed = new Set()
          yield news
        } else if (
          await isSilent((resolve) => {
            wake = resolve
          }, silenceMs)
        )
          yield null
      }
    } finally {
      signal.removeEventListener('abort', stop)
      followed.leave()
    }
  }

  #follow(
    flagSetId: string,
    held: Replicated<Snapshot>,
    before: EnvironmentSubscription | undefined,
  ): EnvironmentSubscription {
    before?.stop.abort()
    before?.timer?.stop()
    const listeners = before?.listeners ?? new Set<SnapshotListener>()
    const entry: EnvironmentSubscription = {
      replicated: held,
      listeners,
      stop: new AbortController(),
      timer: undefined,
    }
    if (before?.timer && held.value) entry.timer = this.#startTimer(entry, held.value)
    this.#entries.set(flagSetId, entry)
    void this.#tell(entry)
    return entry
  }

  async #tell(entry: EnvironmentSubscription): Promise<void> {
    const { replicated: held, listeners, stop } = entry
    let seen = held.value
    for await (const snapshot of held.follow(stop.signal)) {
      if (snapshot === seen) continue
      seen = snapshot
      entry.timer?.replace(snapshot)
      for (const { onSnapshot } of listeners) onSnapshot(snapshot)
    }
  }

  #startTimer({ replicated: held, listeners }: EnvironmentSubscription, snapshot: Snapshot): BoundaryTimer {
    return new BoundaryTimer(this.#options.clock, snapshot, (keys) => {
      const newest = held.value
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
    const ear = {
      onReady: () => this.#checkAll(0),
      onInvalidation: (invalidation: Invalidation) => void this.#take(invalidation),
    }
    void this.#options.invalidations?.(ear, watch.signal)
    return watch
  }

  #checkAll(ageMs: number): void {
    for (const { replicated: held } of this.#entries.values()) if (held.ageMs >= ageMs) void held.check()
  }

  /** Twice, because the first check may share the answer to a question that was older than the invalidation. */
  async #take(invalidation: Invalidation): Promise<void> {
    const held = this.#entries.get(invalidation.name)?.replicated
    for (let tries = 0; held && tries < 2 && isNewer(invalidation, held.value); tries++) await held.check()
  }
}

const isNewer = (invalidation: Invalidation, value: Snapshot | undefined): boolean =>
  invalidation.incarnation !== value?.incarnation || invalidation.revision > value.revision

/** Waits for whichever comes first: the call of what `onWake` is given (false), or the end of `ms` (true). */
function isSilent(onWake: (wake: () => void) => void, ms: number | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = ms === undefined ? undefined : setTimeout(() => resolve(true), ms)
    onWake(() => {
      clearTimeout(timer)
      resolve(false)
    })
  })
}
