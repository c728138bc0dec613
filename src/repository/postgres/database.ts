import { FlagError } from '../../flag/error.ts'
import { StoreCalls } from '../calls.ts'
import type { DatabaseAddress } from './connection/address.ts'
import type { Db, Pool, PoolLoad } from './connection/pool.ts'

export type { Db }
/** A database handle whose statements belong to one transaction. */
export type Transaction = Db

/** Access to Postgres. Expected errors are `FlagError`s. */
export type Database = {
  /** Runs a read. Retried once if the connection was lost. */
  read<T>(query: (db: Db) => Promise<T>): Promise<T>
  /** Runs `work` in one transaction. Never retried, because after a lost response it may have been committed. */
  write<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  readonly load: PoolLoad
  /** True if the server refused the last write because it is read-only, as a standby is. */
  readonly isReadOnly: boolean
  /** Drops all connections, for example after a suspension, when the server may have closed them. */
  reset(): void
  close(): Promise<void>
}

const CONNECTIONS_MAX = 5

/**
 * Opens the database; loads the driver and connects on first use, so that start-up never waits for Postgres. Calls are
 * measured as "read" and "write".
 */
export function openDatabase(
  address: DatabaseAddress,
  calls = new StoreCalls('postgresql'),
  onClosed: () => Promise<void> = async () => undefined,
): Database {
  let pool: Pool | undefined
  let opening: Promise<Pool> | undefined
  let checked: Promise<void> | undefined

  const open = async () => {
    const { Pool } = await import('./connection/pool.ts')
    pool = new Pool(address, CONNECTIONS_MAX)
    return pool
  }
  const opened = () => {
    opening ??= open()
    return opening
  }
  const checkSchema = async () => (await opened()).read((await import('./schema.ts')).checkSchema)
  const schemaIsCurrent = () => {
    checked ??= checkSchema().catch((error) => {
      checked = undefined
      throw error
    })
    return checked
  }
  const withPool = async <T>(work: (pool: Pool) => Promise<T>): Promise<T> => {
    await schemaIsCurrent()
    return work(await opened())
  }

  return {
    read: async (query) => {
      const attempt = () => calls.measure('read', () => withPool((pool) => pool.read(query)))
      try {
        return await attempt()
      } catch (error) {
        if (!wasCut(error)) throw error
        return attempt()
      }
    },
    write: (work) => calls.measure('write', () => withPool((pool) => pool.write(work))),
    get load() {
      return pool?.load ?? { connectionsMax: CONNECTIONS_MAX, working: 0, waiting: 0 }
    },
    get isReadOnly() {
      return pool?.isReadOnly ?? false
    },
    reset: () => pool?.reset(),
    close: async () => {
      if (opening) await (await opening).close()
      await onClosed()
    },
  }
}

const CUT = ['CONNECTION_LOST', '57P01', '57P02']

/** True if a working connection was closed during the read. */
function wasCut(error: unknown): boolean {
  const cause = error instanceof FlagError && error.code === 'unavailable' ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && CUT.includes(String(cause.code))
}

/** Rows per statement: few round trips, and each statement stays far below its time limit. */
const BATCH = 2_000

/**
 * Cuts rows into batches, each sent as one JSON parameter: Postgres accepts at most 65,535 parameters, and parses JSON faster than
 * parameters are built here.
 */
export function* batches<T>(rows: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < rows.length; at += BATCH) yield rows.slice(at, at + BATCH)
}

/**
 * A document as text in a JSON parameter, which the statement casts to json. If Postgres parsed it as part of the parameter, it would lose
 * what text cannot contain: NUL and half surrogate pairs, which JSON may write as escapes.
 */
export const asText = (document: unknown): string | null =>
  document === undefined || document === null ? null : JSON.stringify(document)
