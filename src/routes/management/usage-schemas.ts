import * as v from 'valibot'
import { instant, lastEvaluatedAt, time } from './schema-parts.ts'

const count = (what: string) => v.pipe(v.number(), v.integer(), v.description(what))

export const UsageQuery = v.object({
  from: v.optional(v.pipe(time, v.description('Begin, widened to its whole hour (24 hours before `to`)'))),
  to: v.optional(v.pipe(time, v.description('End, at most 31 days after `from` (now)'))),
})
export const Usage = v.object({
  from: instant('Begin of the first hour'),
  to: instant('End'),
  total: count('Evaluations of this flag; those of the last minutes may be missing yet'),
  unattributed: count('Evaluations in this environment, of any flag, that were of too many kinds to be counted apart'),
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
      variant: v.pipe(v.nullable(v.string()), v.description('Null where the answer named none')),
      reason: v.pipe(v.string(), v.description('Reason of the answer; of a failure its error code')),
      count: count('Answers'),
    }),
  ),
})
