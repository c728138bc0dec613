import { timelineOf } from '../flag/timeline.ts'
import type { Snapshot } from './snapshots.ts'

export type BoundaryClock = {
  /** Milliseconds since 1970. */
  readonly wallNow: () => number
  /** Delay of the announcement after a boundary, in milliseconds; below 3,000. */
  readonly spreadMs: () => number
  /** Calls `run` once after `ms`; the returned function cancels. */
  readonly after: (ms: number, run: () => void) => () => void
}

/** In production: random, so that replicas are not notified at once, and after the clocks of other replicas have passed the boundary. */
export const BOUNDARY_CLOCK: BoundaryClock = {
  wallNow: () => Date.now(),
  spreadMs: () => 1_000 + Math.random() * 1_000,
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

/** The clock may be set or the process suspended: the timer is computed anew after at most this long. */
const SLEEP_MS_MAX = 3_600_000
const PAUSE_MS_MIN = 10_000

/** A timer to the next moment at which a rule of the environment that depends on the time changes. Exists only while a stream is open. */
export class BoundaryTimer {
  readonly #clock: BoundaryClock
  readonly #announce: (keys: readonly string[]) => void
  #snapshot: Snapshot
  /** Unix seconds up to which boundaries are announced. */
  #announced: number
  #dueMs = 0
  #earliestMs = Number.NEGATIVE_INFINITY
  #cancel: () => void = () => undefined

  constructor(clock: BoundaryClock, snapshot: Snapshot, announce: (keys: readonly string[]) => void) {
    this.#clock = clock
    this.#snapshot = snapshot
    this.#announce = announce
    this.#announced = this.#now()
    this.#arm()
  }

  /** Continues with a newer snapshot. A boundary that passed but was not announced stays due. */
  replace(snapshot: Snapshot): void {
    this.#snapshot = snapshot
    this.#arm()
  }

  stop(): void {
    this.#cancel()
  }

  #now(): number {
    return Math.floor(this.#clock.wallNow() / 1_000)
  }

  #arm(): void {
    this.#cancel()
    const { wallNow, spreadMs, after } = this.#clock
    const next = timelineOf(this.#snapshot.flagSet).nextAfter(this.#announced)
    if (next === Number.POSITIVE_INFINITY) return
    this.#dueMs = Math.max(next * 1_000 + spreadMs(), this.#earliestMs)
    const waitMs = Math.min(Math.max(0, this.#dueMs - wallNow()), SLEEP_MS_MAX)
    this.#cancel = after(waitMs, () => this.#fire())
  }

  #fire(): void {
    const now = this.#now()
    if (this.#clock.wallNow() >= this.#dueMs) this.#announceUntil(now)
    else this.#announced = Math.min(this.#announced, now) // the clock may have been set back
    this.#arm()
  }

  #announceUntil(now: number): void {
    const keys = timelineOf(this.#snapshot.flagSet).keysBetween(this.#announced, now)
    this.#announced = now
    if (keys.length === 0) return
    this.#earliestMs = this.#clock.wallNow() + PAUSE_MS_MIN
    this.#announce(keys)
  }
}
