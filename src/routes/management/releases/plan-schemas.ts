import * as v from 'valibot'
import { SHARE_TOTAL } from '../../../flag/plan/plan.ts'
import { revision, text } from '../schemas.ts'

// Schemas of plans for the OpenAPI document. flag/plan/read/ reads them, and names places in them by JSON pointers.

const whole = (description: string) => v.pipe(v.number(), v.integer(), v.description(description))
const Second = whole('Unix seconds')
export const Moment = v.pipe(
  v.union([
    v.number(),
    v.string(),
    v.object({ local: v.string(), zone: v.string(), utc: v.optional(v.number()), offset: v.optional(v.string()) }),
  ]),
  v.description(
    'Unix seconds; a time with offset (RFC 3339) in whole seconds; or a local time such as "2027-03-28T09:30" with its time zone, and the offset where the clock shows it twice. "now" where a person changes one flag',
  ),
)
const Share = v.pipe(
  v.union([v.number(), v.pipe(v.array(v.number()), v.length(2))]),
  v.description(`In 1/${SHARE_TOTAL.toLocaleString('en')} of all users, or an exact fraction [weight, total]`),
)
const Serve = v.pipe(
  v.union([
    v.object({ variant: v.string() }),
    v.object({ rule: v.record(v.string(), v.unknown()) }),
    v.object({ default: v.literal(true) }),
    v.object({ base: v.literal(true) }),
  ]),
  v.description('A variant, a rule, the default variant, or the rule of the plan'),
)
const By = v.pipe(v.string(), v.description('Attribute by which users are distributed (targetingKey)'))
const Salt = v.pipe(v.string(), v.description('The same salt and share are the same users; made for a new rollout'))

/** The plan of a flag. */
export const Plan = v.pipe(
  v.looseObject({
    v: v.literal(1),
    rule: v.optional(v.nullable(v.record(v.string(), v.unknown()))),
    timeline: v.optional(v.array(v.looseObject({ at: Moment, note: v.optional(v.string()) }))),
  }),
  v.description(
    'Arms in ascending order of `at`, each with one of `serve`, `rollout` and `paused`; see the documentation',
  ),
)

/** What a client orders for a rollout. */
export const Order = v.object({
  to: Serve,
  from: v.optional(v.pipe(Serve, v.description('By default what is served at the start'))),
  by: v.optional(By),
  salt: v.optional(Salt),
  start: v.optional(Moment),
  steps: v.optional(
    v.pipe(
      v.array(v.object({ at: v.optional(Moment), after: v.optional(v.string()), share: Share })),
      v.description('Shares from moments on; `after` is the time from the start, such as "6h" or "1d12h"'),
    ),
  ),
  ramp: v.optional(
    v.pipe(
      v.object({
        for: v.optional(v.string()),
        until: v.optional(Moment),
        fromShare: v.optional(Share),
        toShare: v.optional(Share),
      }),
      v.description('A share that grows evenly, from 0 to 100 % by default'),
    ),
  ),
  note: v.optional(text(1_000)),
})

/** A plan with its state at a second. */
export const PlanAnswer = v.object({
  plan: Plan,
  targeting: v.pipe(v.unknown(), v.description('The rule that is made from the plan; absent: the default variant')),
  revision,
  now: v.pipe(Second, v.description('The present second')),
  at: v.pipe(Second, v.description('The second that the following members are about')),
  arm: v.pipe(
    v.nullable(v.number()),
    v.description('Place of the arm in force in the timeline; null: before the first'),
  ),
  share: v.pipe(
    v.nullable(v.object({ exact: v.array(v.number()), percent: v.number() })),
    v.description('Share of users that get what the rollout in force is to'),
  ),
  paused: v.boolean(),
  next: v.pipe(v.nullable(v.number()), v.description('When time changes it next; during a ramp the end of the ramp')),
  finished: v.pipe(v.boolean(), v.description('Whether time changes nothing any more')),
  warnings: v.array(v.string()),
})

/** A moment at which time changes what a flag serves. */
export const ScheduleEntry = v.object({
  flag: v.string(),
  at: Second,
  local: v.pipe(
    v.nullable(v.string()),
    v.description('The local time with the offset of that day, if the moment was written as a local time'),
  ),
  zone: v.nullable(v.string()),
  moved: v.pipe(
    v.boolean(),
    v.description(
      'Whether the local time that was written is another second by now: the rules of the zone have changed',
    ),
  ),
  what: v.picklist(['serve', 'step', 'ramp_start', 'ramp_end', 'pause']),
  share: v.nullable(v.object({ exact: v.array(v.number()), percent: v.number() })),
  serve: Serve,
  note: v.nullable(v.string()),
  by: v.pipe(v.nullable(v.string()), v.description('Who planned it')),
  revision,
})
