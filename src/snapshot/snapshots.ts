import { FlagError } from '../flag/error.ts'
import type { EnvironmentSource, Version } from '../store/source.ts'
import { nextSnapshot, type Snapshot } from './snapshot.ts'

export type Log = (message: string, fields?: Record<string, unknown>) => void

type Entry = {
  snapshot: Snapshot | undefined
  /** Monotonic milliseconds of the last answer to "which revision?", good or bad. */
  askedAt: number
  asking: Promise<void> | undefined
}

/**
 * Environments held at most; the one that was loaded longest ago makes room. A name that does not exist is not held,
 * so that requests for invented environments cannot grow this.
 */
const ENVIRONMENTS_MAX = 1_000

/** Holds the newest snapshot of each environment that is asked for, and keeps it fresh while it is. */
export class Snapshots {
  readonly #read: (flagSetId: string, since?: Version) => Promise<EnvironmentSource | undefined>
  readonly #freshnessMs: number
  readonly #now: () => number
  readonly #log: Log
  readonly #entries = new Map<string, Entry>()

  /** `now` is monotonic, in milliseconds. */
  constructor(options: {
    read: (flagSetId: string, since?: Version) => Promise<EnvironmentSource | undefined>
    freshnessMs: number
    now: () => number
    log: Log
  }) {
    this.#read = options.read
    this.#freshnessMs = options.freshnessMs
    this.#now = options.now
    this.#log = options.log
  }

  /**
   * The snapshot to answer a request from: at once and without a promise once the environment is known, so that the
   * path of an evaluation never waits. Asks for a newer revision behind the request's back when the last answer is
   * older than `freshnessMs`; without requests nobody asks. Rejects with `not_found`, or `unavailable` while there is nothing to serve.
   */
  current(flagSetId: string): Snapshot | Promise<Snapshot> {
    const entry = this.#entries.get(flagSetId)
    if (!entry?.snapshot) return this.#first(flagSetId)
    if (entry.asking === undefined && this.#now() - entry.askedAt >= this.#freshnessMs)
      this.#ask(flagSetId, entry).catch(() => undefined)
    return entry.snapshot
  }

  /**
   * Brings what is held of `scope` (`<project>/<environment>`, or `<project>/` for all of a project) to the database's newest
   * revision; awaited by whoever has just changed it, to read its own write.
   */
  async refresh(scope: string): Promise<void> {
    const isInScope = (flagSetId: string) => flagSetId === scope || (scope.endsWith('/') && flagSetId.startsWith(scope))
    const entries = [...this.#entries].filter(([flagSetId]) => isInScope(flagSetId))
    await Promise.all(entries.map(([flagSetId, entry]) => this.#askAnew(flagSetId, entry)))
  }

  async #askAnew(flagSetId: string, entry: Entry): Promise<void> {
    await entry.asking?.catch(() => undefined) // it may have been sent before the change
    await this.#ask(flagSetId, entry).catch(() => undefined)
  }

  async #first(flagSetId: string): Promise<Snapshot> {
    const entry = this.#entry(flagSetId)
    await (entry.asking ?? this.#ask(flagSetId, entry))
    if (entry.snapshot) return entry.snapshot
    throw new FlagError('not_found', `Environment "${flagSetId}" does not exist`)
  }

  #entry(flagSetId: string): Entry {
    const held = this.#entries.get(flagSetId) ?? { snapshot: undefined, askedAt: 0, asking: undefined }
    this.#entries.delete(flagSetId)
    this.#entries.set(flagSetId, held)
    const oldest = this.#entries.keys().next().value
    if (this.#entries.size > ENVIRONMENTS_MAX && oldest !== undefined) this.#entries.delete(oldest)
    return held
  }

  /** One question at a time for each environment: whoever comes meanwhile shares the answer. */
  #ask(flagSetId: string, entry: Entry): Promise<void> {
    entry.asking ??= this.#take(flagSetId, entry).finally(() => {
      entry.asking = undefined
      entry.askedAt = this.#now()
    })
    return entry.asking
  }

  async #take(flagSetId: string, entry: Entry): Promise<void> {
    try {
      const source = await this.#read(flagSetId, entry.snapshot)
      if (!source) this.#entries.delete(flagSetId)
      if (!source) entry.snapshot = undefined
      else if (!source.isUpdate || source.revision > (entry.snapshot?.revision ?? -1n))
        entry.snapshot = nextSnapshot(flagSetId, source, entry.snapshot)
    } catch (cause) {
      if (!entry.snapshot) this.#entries.delete(flagSetId)
      this.#log('Cannot refresh the flags', { flagSetId, cause })
      throw cause
    }
  }
}
