/** A time is noted again after this many seconds: one row of a batch per replica and 5 minutes, however busy a key is. */
const RESOLUTION_SECONDS = 300
/** Names that are remembered, so that they are not noted again; then all are forgotten. Keys are at most 10,000 at a time. */
const REMEMBERED_MAX = 20_000

/** When each of some things last happened, to 5 minutes. Only what exists is noted, such as valid keys, so their number is bounded. */
export class LastTimes<Name> {
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
