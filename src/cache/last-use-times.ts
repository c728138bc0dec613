/** A use is recorded again after this long: at most one row for each key and replica in 5 minutes. */
const RESOLUTION_SECONDS = 300
/** Most remembered names; at the limit all are dropped. There are at most 10,000 keys. */
const REMEMBERED_MAX = 20_000

/** Last use of each key, or of each environment by a user agent, to 5 minutes. Clients choose agents: beyond a number, new ones are not recorded. */
export class LastUseTimes<Name> {
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
