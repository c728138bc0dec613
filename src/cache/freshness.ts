import type { RevisionId, SnapshotStore, StoredSnapshot } from '../repository/redis/snapshot-store.ts'
import type { LogLine } from '../telemetry/log.ts'
import { Labeled, newCounter } from '../telemetry/metrics.ts'
import { INTERNAL } from '../telemetry/span.ts'
import { parseTraceparent } from '../telemetry/trace-context.ts'
import { type Tracer, untraced } from '../telemetry/tracer.ts'

export type ReplicationOptions = {
  /** Undefined without Redis: then Postgres is asked each time. */
  readonly snapshotStore: SnapshotStore | undefined
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** How old an answer may be before a request makes us ask which revision is the newest. */
  readonly freshnessMs: number
  /** How long Redis alone may say so, before Postgres itself is asked. */
  readonly truthCheckMs: number
  /** Hears how it goes with Postgres. */
  readonly databaseHealth: DatabaseHealth
  /** Undefined where nothing is traced. */
  readonly tracer?: Tracer | undefined
  readonly log: LogLine
}

/** Where a thing comes from. */
export type Loader<T> = {
  /** Its name among the copies. */
  readonly name: string
  /** Reads it from Postgres: `held` itself when nothing is newer, undefined when it does not exist. */
  readonly read: (held: T | undefined) => Promise<T | undefined>
  readonly encode: (value: T) => string
  /** Undefined when the text is not what `encode` writes. */
  readonly decode: (copy: StoredSnapshot) => T | undefined
}

/** Who last said that what is held is the newest: "memory" when nobody could. */
export type ConfirmationSource = 'memory' | 'redis' | 'postgres'

/** What a look for something newer found; "older" is not believed. */
export type CheckResult = 'same' | 'newer' | 'gone' | 'older' | 'failed'

/** How this replica stands with the database, as far as its last question tells. */
export class DatabaseHealth {
  /** Looks for newer revisions, by who answered and what came of it. */
  readonly checks = new Labeled(['source', 'result'], newCounter)
  #isLoaded = false
  #trouble: unknown
  #since: number | undefined

  /** Something was loaded that can be served, from Postgres or from a copy. */
  get isLoaded(): boolean {
    return this.#isLoaded
  }

  /** Why the database could not be asked the last time; undefined when it could. */
  get error(): unknown {
    return this.#trouble
  }

  /** Milliseconds at which the database answered last, or failed first; undefined before the first question. */
  get since(): number | undefined {
    return this.#since
  }

  loaded(): void {
    this.#isLoaded = true
  }

  answered(now: number): void {
    this.#trouble = undefined
    this.#since = now
  }

  failed(cause: unknown, now: number): void {
    this.#trouble = cause
    this.#since ??= now
  }
}

/** What may say which change led to it, as `traceparent`. */
export type TracedRevision = RevisionId & { readonly changedIn?: string }
type RefreshToTrace = {
  /** Of what: an environment, or the keys. */
  readonly name: string
  /** What is held now. */
  readonly current: () => TracedRevision | undefined
  readonly check: () => Promise<void>
}

/**
 * Asks for something newer in a span of its own. Where that brings another revision, it links to the change that made it: by that a
 * change can be followed to each replica that took it over.
 */
export function traceRefresh(
  tracer: Tracer = untraced,
  { name, current: held, check: ask }: RefreshToTrace,
): Promise<void> {
  if (!tracer.isOn) return ask()
  const attributes = { 'flagstaff.refresh.name': name }
  return tracer.trace({ name: 'flagstaff.refresh', kind: INTERNAL, attributes }, async (span) => {
    const before = held()
    await ask()
    const after = held()
    if (!span || !after) return
    span.setAttribute('flagstaff.refresh.revision', String(after.revision))
    span.setAttribute('flagstaff.refresh.swapped', after !== before)
    const change = after === before ? undefined : parseTraceparent(after.changedIn)
    if (change)
      span.addLink({ context: { traceId: change.traceId, spanId: change.spanId, traceFlags: 1, isRemote: true } })
  })
}

/** A request waits so long for news after a pause, and then takes what is there. */
export const REFRESH_WAIT_MS = 500

/** Waits for work, but no longer than `ms`, and not for its outcome. */
export async function waitAtMost(work: Promise<void>, ms: number): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, ms)
  try {
    await Promise.race([work.catch(() => undefined), late.promise])
  } finally {
    clearTimeout(timer)
  }
}
