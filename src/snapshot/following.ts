import type { Hint, Hints } from '../store/hints.ts'
import type { Held } from './held.ts'
import type { Snapshot } from './snapshot.ts'

export type Listener = (snapshot: Snapshot) => void
export type Followed = {
  /** What is held as listening begins. */
  readonly snapshot: Snapshot
  /** Ends listening; a second call does nothing. */
  leave(): void
}
export type FollowingOptions = {
  /** Throws `not_found` or `unavailable`. */
  readonly held: (flagSetId: string) => Promise<Held<Snapshot>>
  /** Undefined without Redis: then the timer alone brings what other replicas changed. */
  readonly hints: Hints | undefined
  /** How often what is followed is checked, whether or not a hint came. */
  readonly checkMs: number
}

export type WatchOptions = { readonly signal: AbortSignal; readonly silenceMs?: number | undefined }

type Entry = { readonly held: Held<Snapshot>; readonly listeners: Set<Listener>; readonly stop: AbortController }

/**
 * Tells listeners of every newer snapshot of an environment. While there is one, this replica has a timer and a subscription to hints;
 * with the last one both go, so that nothing keeps an idle instance or a serverless database awake.
 */
export class Following {
  readonly #options: FollowingOptions
  readonly #entries = new Map<string, Entry>()
  #watch: AbortController | undefined

  constructor(options: FollowingOptions) {
    this.#options = options
  }

  /** True while anybody listens. */
  get isWatching(): boolean {
    return this.#watch !== undefined
  }

  /** Calls `listener` with each snapshot that takes the place of another. Throws `not_found` or `unavailable`. */
  async add(flagSetId: string, listener: Listener): Promise<Followed> {
    const held = await this.#options.held(flagSetId)
    const snapshot = held.value
    if (snapshot === undefined) throw new Error('Cannot follow an environment that is not held')
    const known = this.#entries.get(flagSetId)
    // Snapshots makes a new one where the old one had to make room.
    const entry = known?.held === held ? known : this.#follow(flagSetId, held, known)
    entry.listeners.add(listener)
    this.#watch ??= this.#startWatch()
    return { snapshot, leave: () => this.#leave(flagSetId, listener) }
  }

  /**
   * Yields what is held, then everything newer until `signal` aborts; null after each `silenceMs` without news. A slow reader skips to
   * the newest. Throws `not_found` or `unavailable`.
   */
  async *watch(flagSetId: string, { signal, silenceMs }: WatchOptions): AsyncGenerator<Snapshot | null> {
    let newest: Snapshot | undefined
    let wake: () => void = () => undefined
    const followed = await this.add(flagSetId, (snapshot) => {
      newest = snapshot
      wake()
    })
    const stop = () => wake()
    signal.addEventListener('abort', stop, { once: true })
    try {
      newest ??= followed.snapshot
      while (!signal.aborted) {
        const next: Snapshot | undefined = newest
        newest = undefined
        if (next !== undefined) yield next
        else if (
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

  #follow(flagSetId: string, held: Held<Snapshot>, before: Entry | undefined): Entry {
    before?.stop.abort()
    const entry = { held, listeners: before?.listeners ?? new Set<Listener>(), stop: new AbortController() }
    this.#entries.set(flagSetId, entry)
    void this.#tell(entry)
    return entry
  }

  async #tell({ held, listeners, stop }: Entry): Promise<void> {
    let seen = held.value
    for await (const snapshot of held.follow(stop.signal)) {
      if (snapshot === seen) continue
      seen = snapshot
      for (const listener of listeners) listener(snapshot)
    }
  }

  #leave(flagSetId: string, listener: Listener): void {
    const entry = this.#entries.get(flagSetId)
    if (!entry?.listeners.delete(listener) || entry.listeners.size > 0) return
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
    const ear = { onReady: () => this.#checkAll(0), onHint: (hint: Hint) => void this.#take(hint) }
    void this.#options.hints?.(ear, watch.signal)
    return watch
  }

  #checkAll(ageMs: number): void {
    for (const { held } of this.#entries.values()) if (held.ageMs >= ageMs) void held.check()
  }

  /** Twice, because the first check may share the answer to a question that was older than the hint. */
  async #take(hint: Hint): Promise<void> {
    const held = this.#entries.get(hint.name)?.held
    for (let tries = 0; held && tries < 2 && isNews(hint, held.value); tries++) await held.check()
  }
}

const isNews = (hint: Hint, value: Snapshot | undefined): boolean =>
  hint.incarnation !== value?.incarnation || hint.revision > value.revision

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
