import type { RevisionId, SnapshotStore, StoredSnapshot } from '../repository/redis/snapshot-store.ts'
import type { LogLine } from '../telemetry/log.ts'
import { Labeled, newCounter } from '../telemetry/metrics.ts'
import { INTERNAL } from '../telemetry/span.ts'
import { parseTraceparent } from '../telemetry/trace-context.ts'
import { type Tracer, untraced } from '../telemetry/tracer.ts'

export type ReplicationOptions = {
  /** Undefined without Redis: then each check queries Postgres. */
  readonly snapshotStore: SnapshotStore | undefined
  /** Monotonic milliseconds. */
  readonly now: () => number
  /**
   * Milliseconds since 1970, read by each request: after a suspension and after a change of the clock nothing is fresh. By default `now`.
   */
  readonly wallNow?: (() => number) | undefined
  /** Age of the last check from which a request starts a new one. */
  readonly freshnessMs: number
  /** How long Redis alone may confirm a revision before Postgres is queried. */
  readonly truthCheckMs: number
  readonly databaseHealth: DatabaseHealth
  /** Undefined where nothing is traced. */
  readonly tracer?: Tracer | undefined
  readonly log: LogLine
}

/** Loads, serializes and parses one replicated value. */
export type Loader<T> = {
  /** Its name in the snapshot store. */
  readonly name: string
  /** Reads it from Postgres: `current` itself if nothing is newer, undefined if it does not exist. */
  readonly read: (current: T | undefined) => Promise<T | undefined>
  readonly encode: (value: T) => string
  /** Undefined if the text was not written by `encode` of this version. */
  readonly decode: (stored: StoredSnapshot) => T | undefined
}

/** The store that confirmed the cached value in the last check; "memory" if none could. */
export type ConfirmationSource = 'memory' | 'redis' | 'postgres'

/** Result of a check for a newer revision; an "older" one is ignored. */
export type CheckResult = 'same' | 'newer' | 'gone' | 'older' | 'failed'

/** Database reachability as of the last query. */
export class DatabaseHealth {
  /** Checks for newer revisions, by store and result. */
  readonly checks = new Labeled(['source', 'result'], newCounter)
  #isLoaded = false
  #error: unknown
  #since: number | undefined

  /** True once something was loaded, from Postgres or Redis, that can be served. */
  get isLoaded(): boolean {
    return this.#isLoaded
  }

  /** The error of the last query; undefined if it succeeded. */
  get error(): unknown {
    return this.#error
  }

  /** Monotonic milliseconds of the last success, or of the first failure before any; undefined before the first query. */
  get since(): number | undefined {
    return this.#since
  }

  loaded(): void {
    this.#isLoaded = true
  }

  answered(now: number): void {
    this.#error = undefined
    this.#since = now
  }

  failed(cause: unknown, now: number): void {
    this.#error = cause
    this.#since ??= now
  }
}

/** A revision with the `traceparent` of the change that made it, if that is traced. */
export type TracedRevision = RevisionId & { readonly changedIn?: string }
type RefreshToTrace = {
  readonly name: string
  readonly current: () => TracedRevision | undefined
  readonly check: () => Promise<void>
}

/** Runs `check` in a span. If it loads another revision, the span links to the change that made it: traces lead from a change to each replica. */
export function traceRefresh(tracer: Tracer = untraced, { name, current, check }: RefreshToTrace): Promise<void> {
  if (!tracer.isOn) return check()
  const attributes = { 'flagstaff.refresh.name': name }
  return tracer.trace({ name: 'flagstaff.refresh', kind: INTERNAL, attributes }, async (span) => {
    const before = current()
    await check()
    const after = current()
    if (!span || !after) return
    span.setAttribute('flagstaff.refresh.revision', String(after.revision))
    span.setAttribute('flagstaff.refresh.swapped', after !== before)
    const change = after === before ? undefined : parseTraceparent(after.changedIn)
    if (change)
      span.addLink({ context: { traceId: change.traceId, spanId: change.spanId, traceFlags: 1, isRemote: true } })
  })
}

/** A request waits this long for a check, then uses the cached value. */
export const REFRESH_WAIT_MS = 500

/** Waits until `work` settles, at most `ms`; never rejects. */
export async function waitAtMost(work: Promise<void>, ms: number): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, ms)
  try {
    await Promise.race([work.catch(() => undefined), late.promise])
  } finally {
    clearTimeout(timer)
  }
}
