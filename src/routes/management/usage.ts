import { Hono } from 'hono'
import type { Authenticate } from '../../cache/authenticator.ts'
import { FlagError } from '../../flag/error.ts'
import { allow } from '../../middleware/authentication.ts'
import type { Database } from '../../repository/postgres/database.ts'
import { type FlagUsage, readUsage } from '../../repository/postgres/usage.ts'
import { EARLIEST_MS } from './instant.ts'
import { DefinitionPath } from './schema-parts.ts'
import { Usage, UsageQuery } from './usage-schemas.ts'
import { documented, path, query } from './validation.ts'

const HOUR_MS = 3_600_000
const DEFAULT_MS = 24 * HOUR_MS
const RANGE_MS_MAX = 31 * 24 * HOUR_MS

/** `…/environments/:environment/flags/:key/usage`: how often a flag was evaluated there, by hour. `now` in milliseconds since 1970. */
export function usageRoutes(database: Database, authenticate: Authenticate, now: () => number): Hono {
  return new Hono().get(
    '/:project/environments/:environment/flags/:key/usage',
    documented({ tag: 'Usage', summary: 'Count the evaluations of a flag', answer: Usage }),
    allow(authenticate, 'editor'),
    path(DefinitionPath),
    query(UsageQuery),
    async (c) => {
      const { key: flag, ...environment } = c.req.valid('param')
      const range = rangeOf(c.req.valid('query'), now())
      return c.json({ ...range, ...shown(await readUsage(database, { ...environment, flag }, range)) })
    },
  )
}

function rangeOf(asked: { from?: Date | undefined; to?: Date | undefined }, now: number): { from: Date; to: Date } {
  const to = asked.to?.getTime() ?? now
  const from = asked.from?.getTime() ?? Math.max(to - DEFAULT_MS, EARLIEST_MS)
  if (!(from < to)) throw new FlagError('invalid', 'Cannot count: "from" must be a time before "to"')
  if (to - from > RANGE_MS_MAX)
    throw new FlagError('invalid', 'Cannot count: "from" must be at most 31 days before "to"')
  return { from: new Date(Math.floor(from / HOUR_MS) * HOUR_MS), to: new Date(to) }
}

function shown({ counts, ...usage }: FlagUsage) {
  const items = counts.map(({ variant, reason, count, hour }) => ({
    hour,
    variant: variant || null,
    reason,
    count: Number(count),
  }))
  return { total: items.reduce((sum, { count }) => sum + count, 0), ...usage, items }
}
