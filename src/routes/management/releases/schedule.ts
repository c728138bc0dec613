import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../../cache/authenticator.ts'
import { localOf, secondOfLocal } from '../../../flag/plan/read/zones.ts'
import { authorize } from '../../../middleware/authentication.ts'
import type { Database } from '../../../repository/postgres/database.ts'
import { listSchedule, type ScheduledChange } from '../../../repository/postgres/plans/schedule.ts'
import { EnvironmentPath, OffsetPage, pageOf, time } from '../schemas.ts'
import { describeUnder, path, query } from '../validation.ts'
import { ScheduleEntry } from './plan-schemas.ts'
import { shareJson } from './plans.ts'

const describe = describeUnder('Releases')

const ScheduleQuery = v.object({
  ...OffsetPage.entries,
  from: v.optional(v.pipe(time, v.description('By default now'))),
  to: v.optional(v.pipe(time, v.description('By default no end'))),
})

/** `…/schedule`: everything that time will change in an environment; a ramp is two entries. */
export function scheduleRoutes(database: Database, authenticate: Authenticate, now: () => number): Hono {
  return new Hono().get(
    '/schedule',
    describe('List what time will change, or has changed, by the present plans', pageOf(ScheduleEntry)),
    authorize(authenticate, 'viewer'),
    path(EnvironmentPath),
    query(ScheduleQuery),
    async (c) => {
      const { from, to, limit, offset } = c.req.valid('query')
      const period = {
        from: Math.ceil((from?.getTime() ?? now()) / 1_000),
        to: to ? Math.ceil(to.getTime() / 1_000) : Number.POSITIVE_INFINITY,
      }
      const all = await listSchedule(database, c.req.valid('param'), period)
      const items = all.slice(offset, offset + limit).map(toJson)
      return c.json({ items, next: offset + limit < all.length ? String(offset + limit) : null })
    },
  )
}

function toJson({ flag, at, second, what, share, serve, note, by, revision }: ScheduledChange) {
  const zone = typeof at === 'number' ? null : at.zone
  const decided = typeof at === 'number' ? second : secondOfLocal(at)
  return {
    flag,
    at: second,
    local: zone === null ? null : (localOf(second, zone) ?? null),
    zone,
    // A local time that is there twice was decided by its offset.
    moved: typeof decided === 'number' ? decided !== second : decided.kind !== 'fold',
    what,
    share: share === undefined ? null : shareJson(share),
    serve,
    note: note ?? null,
    by,
    revision: Number(revision),
  }
}
