import type { DatabaseHealth } from '../cache/freshness.ts'
import { FlagError } from '../flag/error.ts'

export type Health = {
  /** True from the first stop signal on. */
  readonly isStopping: () => boolean
  /** Loads the keys, if nothing was loaded from the stores yet. */
  readonly warmUp: () => Promise<void>
  readonly databaseHealth: Pick<DatabaseHealth, 'isLoaded' | 'error' | 'since'>
  /** Whether the database refused the last change because it is read-only. */
  readonly database: { readonly isReadOnly: boolean }
  /** The clock of `databaseHealth`, in milliseconds. */
  readonly now: () => number
}

const PATHS = new Set(['/livez', '/health', '/startupz', '/readyz', '/ready', '/metrics'])

/** True for paths that platforms and scrapers request at short intervals. */
export const isProbe = (path: string): boolean => PATHS.has(path)

export type ProbeResponse = { readonly status: 200 | 503; readonly body: object }

/**
 * Probes by path. Live: the process responds. Started and ready: data was loaded and can be served. After that, an outage of the store makes
 * a replica "degraded", with a reason and a duration, but it stays in service. Probes no longer query the store then: they alone never
 * keep a serverless database awake.
 */
export function probes(health: Health): ReadonlyMap<string, () => Promise<ProbeResponse>> {
  const { isStopping, warmUp, databaseHealth, database, now } = health
  const live = async (): Promise<ProbeResponse> => ({ status: 200, body: { status: 'live' } })
  const started = async (): Promise<ProbeResponse> => {
    await warmUp()
    const { isLoaded, error: trouble } = databaseHealth
    if (isLoaded) return { status: 200, body: { status: 'started' } }
    return { status: 503, body: { status: 'starting', reason: reasonOf(trouble) } }
  }
  const ready = async (): Promise<ProbeResponse> => {
    if (isStopping()) return { status: 503, body: { status: 'stopping' } }
    const response = await started()
    if (response.status !== 200) return response
    const { error: trouble, since = now() } = databaseHealth
    if (trouble === undefined && database.isReadOnly)
      return { status: 200, body: { status: 'degraded', reason: 'The database is read-only: changes are refused' } }
    if (trouble === undefined) return { status: 200, body: { status: 'ready' } }
    const ageSeconds = Math.round((now() - since) / 1_000)
    return { status: 200, body: { status: 'degraded', reason: reasonOf(trouble), ageSeconds } }
  }
  return new Map([
    ['/livez', live],
    ['/health', live],
    ['/startupz', started],
    ['/readyz', ready],
    ['/ready', ready],
  ])
}

/** The text of our own errors only: a driver's message may contain hosts and users. */
function reasonOf(trouble: unknown): string {
  return trouble instanceof FlagError ? trouble.message : 'The store is unavailable'
}
