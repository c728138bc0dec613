import { type Context, Hono } from 'hono'
import { FlagError } from '../flag/error.ts'
import type { Standing } from '../snapshot/standing.ts'

export type Health = {
  /** True from the first stop signal on. */
  readonly isStopping: () => boolean
  /** Asks the store, where nothing was loaded from it yet. */
  readonly warmUp: () => Promise<void>
  readonly standing: Pick<Standing, 'isLoaded' | 'trouble' | 'since'>
  /** The clock of `standing`, in milliseconds. */
  readonly now: () => number
}

const PATHS = new Set(['/livez', '/health', '/startupz', '/readyz', '/ready', '/metrics'])

/** True for what platforms and scrapers ask all the time. */
export const isProbe = (path: string): boolean => PATHS.has(path)

/**
 * Probes. Live: the process answers. Started and ready: something was loaded that can be served. From then on an outage of the store
 * makes a replica "degraded", with the reason and how long it lasts, but must not take it out of service; and no probe
 * asks the store again, so that probes alone never keep a serverless database awake.
 */
export function health({ isStopping, warmUp, standing, now }: Health): Hono {
  const live = (c: Context) => c.json({ status: 'live' })
  const started = async (c: Context) => {
    await warmUp()
    const { isLoaded, trouble } = standing
    return isLoaded ? c.json({ status: 'started' }) : c.json({ status: 'starting', reason: reasonOf(trouble) }, 503)
  }
  const ready = async (c: Context) => {
    if (isStopping()) return c.json({ status: 'stopping' }, 503)
    const answer = await started(c)
    if (!answer.ok) return answer
    const { trouble, since = now() } = standing
    if (trouble === undefined) return c.json({ status: 'ready' })
    return c.json({ status: 'degraded', reason: reasonOf(trouble), ageSeconds: Math.round((now() - since) / 1_000) })
  }
  return new Hono()
    .get('/livez', live)
    .get('/health', live)
    .get('/startupz', started)
    .get('/readyz', ready)
    .get('/ready', ready)
}

/** Only what we wrote ourselves: a driver's text may name hosts and users. */
function reasonOf(trouble: unknown): string {
  return trouble instanceof FlagError ? trouble.message : 'The store did not answer'
}
