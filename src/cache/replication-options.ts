import type { Copy, SnapshotStore } from '../repository/redis/snapshot-store.ts'
import type { LogLine } from '../telemetry/log.ts'
import type { Tracer } from '../telemetry/tracer.ts'
import type { DatabaseHealth } from './database-health.ts'

export type ReplicationOptions = {
  /** Undefined without Redis: then Postgres is asked each time. */
  readonly copies: SnapshotStore | undefined
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
  readonly decode: (copy: Copy) => T | undefined
}

/** Who last said that what is held is the newest: "memory" when nobody could. */
export type Source = 'memory' | 'redis' | 'postgres'
