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

/** Nothing older than `freshnessMs` times this is served while a store can be reached: requests then wait for a check. */
const PAUSE_FACTOR = 2

/**
 * Caches one value that is stored in Postgres and copied to Redis. Only requests start checks for a newer revision: there is no timer.
 * A served value is never replaced by an older one, except after a new incarnation of the database, which only Postgres can report.
 */
export class Replicated<T extends TracedRevision> {
  readonly #options: ReplicationOptions
  readonly #loader: Loader<T>
  readonly #wallNow: () => number
  #value: T | undefined
  #source: ConfirmationSource = 'memory'
  #confirmedAt = Number.NEGATIVE_INFINITY
  #checkedAt = Number.NEGATIVE_INFINITY
  #wallCheckedAt = Number.NEGATIVE_INFINITY
  #databaseCheckedAt = Number.NEGATIVE_INFINITY
  /** True if the copy in Redis was missing or could not be decoded, whatever its stored revision says. */
  #isStoredUnreadable = false
  #checking: { readonly since: number; readonly done: Promise<void> } | undefined
  #next = Promise.withResolvers<void>()

  constructor(replication: ReplicationOptions, loader: Loader<T>) {
    this.#options = replication
    this.#loader = loader
    this.#wallNow = replication.wallNow ?? replication.now
  }

  /** The cached value; starts no check. */
  get value(): T | undefined {
    return this.#value
  }

  /** Milliseconds since the last check. */
  get ageMs(): number {
    return this.#options.now() - this.#checkedAt
  }

  get source(): ConfirmationSource {
    return this.#source
  }

  /** Milliseconds since a store last confirmed that the cached value is the newest. */
  get unconfirmedMs(): number {
    return this.#options.now() - this.#confirmedAt
  }

  get isFresh(): boolean {
    return Math.abs(this.#wallNow() - this.#wallCheckedAt) < this.#options.freshnessMs
  }

  /**
   * The value for a request. A promise only at first and after a pause without requests; it takes at most `REFRESH_WAIT_MS` once a value
   * is cached. Undefined: it does not exist. Rejects if nothing is cached and no store can be reached.
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

  /** Loads from Postgres and publishes to Redis; await it after a write to read that write. Never rejects. */
  async refresh(): Promise<void> {
    await this.#checking?.done.catch(() => undefined) // its query may be older than the change
    await this.#check('database').done.catch(() => undefined)
  }

  /** Checks for a newer revision; concurrent calls share one check. Never rejects. */
  async check(): Promise<void> {
    await this.#check().done.catch(() => undefined)
  }

  /** Yields the cached value, then newer ones until `signal` aborts. A slow reader skips to the newest: no queue grows. */
  async *follow(signal: AbortSignal): AsyncGenerator<T> {
    // No race with a long-lived promise: it would gather one reaction for each change.
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

  /** One check at a time, shared by concurrent callers. */
  #check(target?: 'database'): { readonly since: number; readonly done: Promise<void> } {
    if (this.#checking) return this.#checking
    const { tracer } = this.#options
    const { name } = this.#loader
    const done = traceRefresh(tracer, {
      name,
      current: () => this.#value,
      check: () => this.#checkNow(target),
    }).finally(() => {
      this.#checking = undefined
      this.#checkedAt = this.#options.now()
      this.#wallCheckedAt = this.#wallNow()
    })
    this.#checking = { since: this.#options.now(), done }
    return this.#checking
  }

  async #checkNow(target?: 'database'): Promise<void> {
    if (this.#value === undefined && target !== 'database' && this.#swap(await this.#readStored()))
      return this.#recordCheck('redis', 'newer')
    const isDue = target === 'database' || this.#options.now() - this.#databaseCheckedAt >= this.#options.truthCheckMs
    if (isDue) return this.#checkDatabase(this.#storedRevision())
    const seen = await this.#storedRevision()
    if (this.#value === undefined || !seen?.stamp || !isSameRevision(seen.stamp, this.#value))
      await this.#checkDatabase(seen)
    else this.#recordCheck('redis', 'same')
  }

  async #checkDatabase(stored: StoredRevision | Promise<StoredRevision>): Promise<void> {
    const current = this.#value
    const [found, seen] = await Promise.allSettled([this.#loader.read(current), stored])
    const revision = seen.status === 'fulfilled' ? seen.value : undefined
    if (found.status === 'rejected') return this.#onDatabaseError(found.reason, revision?.stamp)
    this.#databaseCheckedAt = this.#options.now()
    this.#options.databaseHealth.answered(this.#databaseCheckedAt)
    if (found.value === undefined) await this.#onDeleted(revision)
    else if (found.value === current || !current || isReplacement(found.value, current)) {
      this.#recordCheck('postgres', found.value === current ? 'same' : 'newer')
      this.#swap(found.value, 'database')
      // After a change, and where Redis lost or missed one.
      const isKnown = revision?.stamp && isSameRevision(revision.stamp, found.value) && !this.#isStoredUnreadable
      if (revision && !isKnown) await this.#publish(found.value)
    } else {
      this.#recordCheck('postgres', 'older')
      const { name } = this.#loader
      this.#options.log('The database has an older revision than before; after a restore run "admin new-incarnation"', {
        name,
      })
    }
  }

  /** The value was deleted. */
  async #onDeleted(seen: StoredRevision): Promise<void> {
    this.#recordCheck('postgres', 'gone')
    this.#value = undefined
    if (seen?.stamp) await this.#tryStore('remove a copy', (store) => store.remove(this.#loader.name))
  }

  /** Postgres cannot be reached, but Redis may have a newer value. Rejects if nothing is cached. */
  async #onDatabaseError(cause: unknown, stamp: RevisionId | undefined): Promise<void> {
    this.#options.databaseHealth.failed(cause, this.#options.now())
    this.#recordCheck('postgres', 'failed')
    const isNewer = stamp && (this.#value === undefined || isNewerRevision(stamp, this.#value))
    if (isNewer && this.#swap(await this.#readStored())) return this.#recordCheck('redis', 'newer')
    if (stamp && this.#value && isSameRevision(stamp, this.#value)) this.#recordCheck('redis', 'same')
    this.#options.log('Cannot read the newest revision', { name: this.#loader.name, cause })
    if (this.#value === undefined) throw cause
  }

  async #publish(value: T): Promise<void> {
    const { incarnation, revision } = value
    const snapshot = { revisionId: { incarnation, revision }, text: this.#loader.encode(value) }
    // A copy that is damaged, or of another version of this program, has the same revision: the store would keep it.
    if (this.#isStoredUnreadable) await this.#tryStore('remove a copy', (store) => store.remove(this.#loader.name))
    this.#isStoredUnreadable = false
    await this.#tryStore('store a copy', (store) => store.write(this.#loader.name, snapshot))
  }

  /** Undefined if Redis cannot be reached. */
  #storedRevision(): Promise<StoredRevision> {
    return this.#tryStore('read a stamp', async (store) => ({ stamp: await store.readRevision(this.#loader.name) }))
  }

  async #readStored(): Promise<T | undefined> {
    const found = await this.#tryStore('read a copy', async (store) => ({
      snapshot: await store.read(this.#loader.name),
    }))
    const value = found?.snapshot && this.#loader.decode(found.snapshot)
    this.#isStoredUnreadable = found !== undefined && value === undefined
    return value
  }

  /** Runs a command on the snapshot store. Redis is optional: errors are logged, and the result is undefined. */
  async #tryStore<R>(what: string, command: (store: SnapshotStore) => Promise<R>): Promise<R | undefined> {
    const { snapshotStore, log } = this.#options
    if (!snapshotStore) return undefined
    try {
      return await command(snapshotStore)
    } catch (cause) {
      log('A Redis command failed', { what, name: this.#loader.name, cause })
      return undefined
    }
  }

  #recordCheck(by: 'redis' | 'postgres', result: CheckResult): void {
    this.#options.databaseHealth.checks.of(by, result).value += 1
    const isConfirmed = result !== 'older' && result !== 'failed'
    this.#source = isConfirmed ? by : 'memory'
    if (isConfirmed) this.#confirmedAt = this.#options.now()
  }

  /** Caches a newer value and wakes the followers; false if `value` is none or not newer. */
  #swap(value: T | undefined, from?: 'database'): boolean {
    if (value === undefined) return false
    if (from !== 'database' && this.#value !== undefined && !isNewerRevision(value, this.#value)) return false
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

/** True if `found` from Postgres may replace `current`. */
const isReplacement = (found: RevisionId, current: RevisionId): boolean =>
  found.incarnation !== current.incarnation || found.revision > current.revision
