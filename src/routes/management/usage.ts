import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../cache/authenticator.ts'
import { FlagError } from '../../flag/error.ts'
import { authorize } from '../../middleware/authentication.ts'
import type { Database } from '../../repository/postgres/database.ts'
import { type FlagUsage, readUsage } from '../../repository/postgres/usage.ts'
import { DefinitionPath, EARLIEST_MS, instant, lastEvaluatedAt, time } from './schemas.ts'
import { describeUnder, path, query } from './validation.ts'

const describe = describeUnder('Usage')
const HOUR_MS = 3_600_000
const DEFAULT_MS = 24 * HOUR_MS
const RANGE_MS_MAX = 31 * 24 * HOUR_MS

const count = (description: string) => v.pipe(v.number(), v.integer(), v.description(description))
const UsageQuery = v.object({
  from: v.optional(v.pipe(time, v.description('Begin, widened to its whole hour (24 hours before `to`)'))),
  to: v.optional(v.pipe(time, v.description('End, at most 31 days after `from` (now)'))),
})
const UsageReport = v.object({
  from: instant('Begin of the first hour'),
  to: instant('End'),
  total: count('Evaluations of this flag; those of the last minutes may be missing'),
  unattributed: count('Evaluations of any flag in this environment beyond the maximum of separate counts'),
  lastEvaluatedAt,
  syncedInProcessAt: v.nullable(
    instant(
      'When a provider that evaluates in process last read this environment (flagd sync), to 5 minutes; its evaluations are not counted. ' +
        'Null: never',
    ),
  ),
  items: v.array(
    v.object({
      hour: instant('Begin of the hour, UTC'),
      variant: v.pipe(v.nullable(v.string()), v.description('Null where the response named none')),
      reason: v.pipe(v.string(), v.description('Reason of the evaluation; of a failure its error code')),
      count: count('Evaluations'),
    }),
  ),
})

type UsageDependencies = {
  /** Stores the evaluations that this replica has counted. */
  readonly storeUsage: () => Promise<void>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** `…/environments/:environment/flags/:key/usage`: evaluations of a flag there, by hour. Those of this replica are all counted. */
export function usageRoutes(
  database: Database,
  authenticate: Authenticate,
  { storeUsage, now }: UsageDependencies,
): Hono {
  return new Hono().get(
    '/:key/usage',
    describe('Count the evaluations of a flag', UsageReport),
    authorize(authenticate, 'viewer'),
    path(DefinitionPath),
    query(UsageQuery),
    async (c) => {
      const { key: flag, ...environment } = c.req.valid('param')
      const range = rangeOf(c.req.valid('query'), now())
      await storeUsage()
      return c.json({ ...range, ...toJson(await readUsage(database, { ...environment, flag }, range)) })
    },
  )
}

function rangeOf(query: v.InferOutput<typeof UsageQuery>, now: number): { from: Date; to: Date } {
  const to = query.to?.getTime() ?? now
  const from = query.from?.getTime() ?? Math.max(to - DEFAULT_MS, EARLIEST_MS)
  if (!(from < to)) throw new FlagError('invalid', 'Cannot count: "from" must be a time before "to"')
  if (to - from > RANGE_MS_MAX)
    throw new FlagError('invalid', 'Cannot count: "from" must be at most 31 days before "to"')
  return { from: new Date(Math.floor(from / HOUR_MS) * HOUR_MS), to: new Date(to) }
}

function toJson({ counts, ...usage }: FlagUsage) {
  const items = counts.map(({ variant, reason, count, hour }) => ({
    hour,
    variant: variant || null,
    reason,
    count: Number(count),
  }))
  return { total: items.reduce((sum, { count }) => sum + count, 0), ...usage, items }
}
