import type { DatabaseHealth } from '../cache/database-health.ts'
import { FlagError } from '../flag/error.ts'

export type Health = {
  /** True from the first stop signal on. */
  readonly isStopping: () => boolean
  /** Asks the store, where nothing was loaded from it yet. */
  readonly warmUp: () => Promise<void>
  readonly databaseHealth: Pick<DatabaseHealth, 'isLoaded' | 'trouble' | 'since'>
  /** Whether the database refused the last change because it is read-only. */
  readonly database: { readonly isReadOnly: boolean }
  /** The clock of `databaseHealth`, in milliseconds. */
  readonly now: () => number
}

const PATHS = new Set(['/livez', '/health', '/startupz', '/readyz', '/ready', '/metrics'])

/** True for what platforms and scrapers ask all the time. */
export const isProbe = (path: string): boolean => PATHS.has(path)

/** What a probe is answered. */
export type Status = { readonly status: 200 | 503; readonly body: object }

/**
 * Probes, by their paths. Live: the process answers. Started and ready: something was loaded that can be served. From then on an outage of
 * the store makes a replica "degraded", with the reason and how long it lasts, but must not take it out of service; and no probe
 * asks the store again, so that probes alone never keep a serverless database awake.
 */
export function probes({
  isStopping,
  warmUp,
  databaseHealth,
  database,
  now,
}: Health): ReadonlyMap<string, () => Promise<Status>> {
  const live = async (): Promise<Status> => ({ status: 200, body: { status: 'live' } })
  const started = async (): Promise<Status> => {
    await warmUp()
    const { isLoaded, trouble } = databaseHealth
    if (isLoaded) return { status: 200, body: { status: 'started' } }
    return { status: 503, body: { status: 'starting', reason: reasonOf(trouble) } }
  }
  const ready = async (): Promise<Status> => {
    if (isStopping()) return { status: 503, body: { status: 'stopping' } }
    const answer = await started()
    if (answer.status !== 200) return answer
    const { trouble, since = now() } = databaseHealth
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

/** Only what we wrote ourselves: a driver's text may name hosts and users. */
function reasonOf(trouble: unknown): string {
  return trouble instanceof FlagError ? trouble.message : 'The store did not answer'
}
