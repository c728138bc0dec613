import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../../cache/authenticator.ts'
import { FlagError } from '../../../flag/error.ts'
import { authorize } from '../../../middleware/authentication.ts'
import type { Database } from '../../../repository/postgres/database.ts'
import { reportUsage } from '../../../repository/postgres/stale/report-usage.ts'
import { EnvironmentPath, FlagKey, text, time } from '../schemas.ts'
import { body, describeUnder, path } from '../validation.ts'

const describe = describeUnder('Usage')
const COUNTS_MAX = 2_000
const COUNT_MAX = 1_000_000_000
const HOUR_MS = 3_600_000
/** How old a report may be; its id is known for longer, so that none is counted twice. */
const AGE_MS_MAX = 24 * HOUR_MS
/** How far the clock of a client may be ahead. */
const AHEAD_MS_MAX = 5 * 60_000

const REASONS = ['STATIC', 'DEFAULT', 'TARGETING_MATCH', 'DISABLED', 'PARSE_ERROR', 'GENERAL', 'TYPE_MISMATCH'] as const
const Report = v.strictObject({
  id: v.pipe(v.string(), v.uuid(), v.description('New for each report; the same id is counted once')),
  from: v.pipe(time, v.description('Begin of the counted time')),
  to: v.pipe(time, v.description('Its end, at most an hour later and a day ago; its hour gets the counts')),
  counts: v.pipe(
    v.array(
      v.strictObject({
        flag: FlagKey,
        variant: v.optional(v.nullable(v.pipe(text(256), v.minLength(1))), null),
        reason: v.picklist(REASONS),
        count: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(COUNT_MAX)),
      }),
    ),
    v.maxLength(COUNTS_MAX),
  ),
})
const Reported = v.object({
  counted: v.pipe(v.boolean(), v.description('False: this report was counted before')),
  unknown: v.pipe(v.array(v.string()), v.description('Keys that no flag has; their counts are dropped')),
})

/** `…/environments/:environment/usage`: counts of clients that evaluate in process. `now`: milliseconds since 1970. */
export function usageReportRoutes(database: Database, authenticate: Authenticate, now: () => number): Hono {
  return new Hono().post(
    '/usage',
    describe('Report evaluations that a client counted in its own process', Reported),
    authorize(authenticate, 'server'),
    path(EnvironmentPath),
    body(Report),
    async (c) => {
      const { from, to, ...report } = c.req.valid('json')
      refuseTimes(from.getTime(), to.getTime(), now())
      const { isNew, unknown } = await reportUsage(database, c.req.valid('param'), { ...report, to })
      return c.json({ counted: isNew, unknown })
    },
  )
}

function refuseTimes(from: number, to: number, now: number): void {
  const refuse = (pointer: string, message: string): never => {
    throw new FlagError('invalid', 'The body is invalid', { mistakes: [{ pointer, message }] })
  }
  if (from > to) refuse('/from', 'must be a time before "to"')
  if (to - from > HOUR_MS) refuse('/from', 'must be at most an hour before "to"')
  if (to > now + AHEAD_MS_MAX) refuse('/to', 'must not be in the future')
  if (to < now - AGE_MS_MAX) refuse('/to', 'must be within the last 24 hours')
}
