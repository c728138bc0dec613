import {
  isNewerRevision,
  isSameRevision,
  type RevisionId,
  type SnapshotStore,
} from '../repository/redis/snapshot-store.ts'
import {
  type CheckResult,
  type ConfirmationSource,
  type Loader,
  REFRESH_WAIT_MS,
  type ReplicationOptions,
  type TracedRevision,
  traceRefresh,
  waitAtMost,
} from './freshness.ts'

/** A pause is so many times the freshness: what is served is never older than that, unless nobody could be asked. */
const PAUSE_FACTOR = 2

/**
 * The newest state that this replica knows of one thing that Postgres holds and Redis has a copy of. Asks for newer ones while it
 * is asked itself and never otherwise: no timer, no command without a request. What was served once is never
 * replaced by something older, except in another incarnation of the database, which only Postgres can announce.
 */
export class Replicated<T extends TracedRevision> {
  readonly #options: ReplicationOptions
  readonly #loader: Loader<T>
  #value: T | undefined
  #source: ConfirmationSource = 'memory'
  #confirmedAt = Number.NEGATIVE_INFINITY
  #checkedAt = Number.NEGATIVE_INFINITY
  #truthAt = Number.NEGATIVE_INFINITY
  /** True when Redis had no copy that could be read, whatever its stamp says. */
  #lacksCopy = false
  #checking: { readonly since: number; readonly done: Promise<void> } | undefined
  #next = Promise.withResolvers<void>()

  constructor(replication: ReplicationOptions, loader: Loader<T>) {
    this.#options = replication
    this.#loader = loader
  }

  /** What is held, without asking anybody. */
  get value(): T | undefined {
    return this.#value
  }

  /** Milliseconds since somebody was last asked what the newest revision is. */
  get ageMs(): number {
    return this.#options.now() - this.#checkedAt
  }

  get source(): ConfirmationSource {
    return this.#source
  }

  /** Milliseconds since somebody last said that what is held is the newest. */
  get unconfirmedMs(): number {
    return this.#options.now() - this.#confirmedAt
  }

  get isFresh(): boolean {
    return this.ageMs < this.#options.freshnessMs
  }

  /**
   * The value to answer a request from. No promise while it was checked lately, so that an evaluation never waits; after a pause
   * a promise that takes at most half a second. Undefined: it does not exist. Rejects while nothing is held and nobody can be asked.
   */
  current(): T | undefined | Promise<T | undefined> {
    if (this.#value !== undefined && this.isFresh) return this.#value
    const age = this.ageMs
    const check = this.#check()
    if (this.#value === undefined) return check.done.then(() => this.#value)
    check.done.catch(() => undefined)
    const waitMs = REFRESH_WAIT_MS - (this.#options.now() - check.since)
    if (age < this.#options.freshnessMs * PAUSE_FACTOR || waitMs <= 0) return this.#value
    return waitAtMost(check.done, waitMs).then(() => this.#value)
  }

  /** Asks Postgres itself and hands copies on; awaited by whoever has just changed it, to read its own write. Never rejects. */
  async refresh(): Promise<void> {
    await this.#checking?.done.catch(() => undefined) // it may have been sent before the change
    await this.#check('truth').done.catch(() => undefined)
  }

  /** Asks which revision is the newest, as a hint or the age of a stream suggests. Never rejects. */
  async check(): Promise<void> {
    await this.#check().done.catch(() => undefined)
  }

  /** Yields what is held, then everything newer until `signal` aborts. A slow reader skips to the newest: no queue grows. */
  async *follow(signal: AbortSignal): AsyncGenerator<T> {
    // Not a race with a promise that lives as long as the follower: that would gather a reaction with each change.
    let wake: () => void = () => undefined
    const stop = () => wake()
    signal.addEventListener('abort', stop, { once: true })
    try {
      let seen: T | undefined
      while (!signal.aborted) {
        const changed = this.#next.promise
        if (this.#value !== undefined && this.#value !== seen) {
          seen = this.#value
          yield seen
        } else
          await new Promise<void>((resolve) => {
            wake = resolve
            void changed.then(resolve)
          })
      }
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  /** One question at a time: whoever comes meanwhile shares the answer. */
  #check(wanted?: 'truth'): { readonly since: number; readonly done: Promise<void> } {
    if (this.#checking) return this.#checking
    const { tracer } = this.#options
    const { name } = this.#loader
    const done = traceRefresh(tracer, { name, current: () => this.#value, check: () => this.#ask(wanted) }).finally(
      () => {
        this.#checking = undefined
        this.#checkedAt = this.#options.now()
      },
    )
    this.#checking = { since: this.#options.now(), done }
    return this.#checking
  }

  async #ask(wanted?: 'truth'): Promise<void> {
    if (this.#value === undefined && wanted !== 'truth' && this.#swap(await this.#copy()))
      return this.#settle('redis', 'newer')
    const isDue = wanted === 'truth' || this.#options.now() - this.#truthAt >= this.#options.truthCheckMs
    if (isDue) return this.#askTruth(this.#stamp())
    const seen = await this.#stamp()
    if (this.#value === undefined || !seen?.stamp || !isSameRevision(seen.stamp, this.#value))
      await this.#askTruth(seen)
    else this.#settle('redis', 'same')
  }

  async #askTruth(asked: StoredRevision | Promise<StoredRevision>): Promise<void> {
    const held = this.#value
    const [found, seen] = await Promise.allSettled([this.#loader.read(held), asked])
    const answer = seen.status === 'fulfilled' ? seen.value : undefined
    if (found.status === 'rejected') return this.#doWithout(found.reason, answer?.stamp)
    this.#truthAt = this.#options.now()
    this.#options.databaseHealth.answered(this.#truthAt)
    if (found.value === undefined) await this.#vanish(answer)
    else if (found.value === held || !held || isReplacement(found.value, held)) {
      this.#settle('postgres', found.value === held ? 'same' : 'newer')
      this.#swap(found.value, 'truth')
      // Redis is told what Postgres says: after a change, and where it lost or missed one.
      const isKnown = answer?.stamp && isSameRevision(answer.stamp, found.value) && !this.#lacksCopy
      if (answer && !isKnown) await this.#publish(found.value)
    } else {
      this.#settle('postgres', 'older')
      const { name } = this.#loader
      this.#options.log('The database is older than what it said before; after a restore run "admin new-incarnation"', {
        name,
      })
    }
  }

  /** It exists no more. */
  async #vanish(seen: StoredRevision): Promise<void> {
    this.#settle('postgres', 'gone')
    this.#value = undefined
    if (seen?.stamp) await this.#attempt('remove a copy', (copies) => copies.remove(this.#loader.name))
  }

  /** Postgres is away: what Redis has may still be newer than what is held. Rejects when nothing is. */
  async #doWithout(cause: unknown, stamp: RevisionId | undefined): Promise<void> {
    this.#options.databaseHealth.failed(cause, this.#options.now())
    this.#settle('postgres', 'failed')
    const isNewer = stamp && (this.#value === undefined || isNewerRevision(stamp, this.#value))
    if (isNewer && this.#swap(await this.#copy())) return this.#settle('redis', 'newer')
    if (stamp && this.#value && isSameRevision(stamp, this.#value)) this.#settle('redis', 'same')
    this.#options.log('Cannot ask for the newest revision', { name: this.#loader.name, cause })
    if (this.#value === undefined) throw cause
  }

  async #publish(value: T): Promise<void> {
    const { incarnation, revision } = value
    const copy = { revisionId: { incarnation, revision }, text: this.#loader.encode(value) }
    // One that is damaged, or of another version of this program, would stay: it is as new as what is to replace it.
    if (this.#lacksCopy) await this.#attempt('remove a copy', (copies) => copies.remove(this.#loader.name))
    this.#lacksCopy = false
    await this.#attempt('store a copy', (copies) => copies.write(this.#loader.name, copy))
  }

  /** Undefined when Redis could not be asked, which says nothing about what it holds. */
  #stamp(): Promise<StoredRevision> {
    return this.#attempt('read a stamp', async (copies) => ({ stamp: await copies.readRevision(this.#loader.name) }))
  }

  async #copy(): Promise<T | undefined> {
    const found = await this.#attempt('read a copy', async (copies) => ({ copy: await copies.read(this.#loader.name) }))
    const value = found?.copy && this.#loader.decode(found.copy)
    this.#lacksCopy = found !== undefined && value === undefined
    return value
  }

  /** Redis helps and is never needed: its failures are logged and forgotten. */
  async #attempt<R>(what: string, command: (copies: SnapshotStore) => Promise<R>): Promise<R | undefined> {
    const { snapshotStore: copies, log } = this.#options
    if (!copies) return undefined
    try {
      return await command(copies)
    } catch (cause) {
      log('Redis did not help', { what, name: this.#loader.name, cause })
      return undefined
    }
  }

  #settle(by: 'redis' | 'postgres', result: CheckResult): void {
    this.#options.databaseHealth.checks.of(by, result).value += 1
    const isConfirmed = result !== 'older' && result !== 'failed'
    this.#source = isConfirmed ? by : 'memory'
    if (isConfirmed) this.#confirmedAt = this.#options.now()
  }

  /** Takes over a newer value and wakes whoever follows; false when there is none. */
  #swap(value: T | undefined, from?: 'truth'): boolean {
    if (value === undefined) return false
    if (from !== 'truth' && this.#value !== undefined && !isNewerRevision(value, this.#value)) return false
    if (value === this.#value) return true
    this.#value = value
    this.#options.databaseHealth.loaded()
    const waiting = this.#next
    this.#next = Promise.withResolvers<void>()
    waiting.resolve()
    return true
  }
}

type StoredRevision = { readonly stamp: RevisionId | undefined } | undefined

/** True when Postgres may put the first in the place of the second. */
const isReplacement = (found: RevisionId, held: RevisionId): boolean =>
  found.incarnation !== held.incarnation || found.revision > held.revision
