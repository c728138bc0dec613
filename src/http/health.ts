import { type Context, Hono } from 'hono'
import { FlagError } from '../flag/error.ts'

export type Health = {
  /** True from the first stop signal on. */
  readonly isStopping: () => boolean
  /** Resolves when the store answers with a schema that fits; rejects with why not. */
  readonly check: () => Promise<void>
}

/**
 * Probes. Live: the process answers. Started and ready: the store was seen once; from then on what is held in memory can be
 * served without it, so an outage of the store must not take every replica out of service, and no probe asks it again:
 * probes alone never keep a serverless database awake.
 */
export function health({ isStopping, check }: Health): Hono {
  let seen: Promise<void> | undefined
  const started = () => {
    seen ??= check().catch((error) => {
      seen = undefined
      throw error
    })
    return seen
  }
  const live = (c: Context) => c.json({ status: 'live' })
  const startup = async (c: Context) => {
    try {
      await started()
    } catch (error) {
      const reason = error instanceof FlagError ? error.message : 'The store did not answer'
      return c.json({ status: 'starting', reason }, 503)
    }
    return c.json({ status: 'started' })
  }
  const ready = async (c: Context) => {
    if (isStopping()) return c.json({ status: 'stopping' }, 503)
    const answer = await startup(c)
    return answer.ok ? c.json({ status: 'ready' }) : answer
  }
  return new Hono()
    .get('/livez', live)
    .get('/health', live)
    .get('/startupz', startup)
    .get('/readyz', ready)
    .get('/ready', ready)
}
