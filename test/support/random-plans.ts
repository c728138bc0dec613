import fc from 'fast-check'
import { cancelPlan, finishPlan, pauseRollout, resumeRollout, retreatRollout } from '../../src/flag/plan/edit/edit.ts'
import { startRollout } from '../../src/flag/plan/edit/start-rollout.ts'
import type { Plan, Serve } from '../../src/flag/plan/plan.ts'
import { readOrder } from '../../src/flag/plan/read/order.ts'
import { DAY, HOUR, START } from './plans.ts'

export type Verb =
  | { readonly do: 'rollout'; readonly order: object; readonly replace: boolean }
  | { readonly do: 'pause' | 'cancel' | 'finish' }
  | { readonly do: 'resume'; readonly dates: 'shift' | 'keep' }
  | { readonly do: 'retreat'; readonly how: 'now' | 'first-in-last-out' }
/** A verb, `after` seconds after the one before it. */
export type Edit = { readonly after: number; readonly verb: Verb }

const rules = fc.constantFrom(
  { if: [{ '==': [{ var: 'plan' }, 'pro'] }, 'a', 'b'] },
  {
    fractional: [
      ['a', 1],
      ['b', 1],
      ['c', 2],
    ],
  },
  { if: [{ ends_with: [{ var: 'targetingKey' }, '7'] }, 'c'] },
)
const serves: fc.Arbitrary<Serve> = fc.oneof(
  fc.constantFrom('on', 'a', 'b').map((variant) => ({ variant })),
  rules.map((rule) => ({ rule })),
  fc.constantFrom<Serve>({ default: true }, { base: true }),
)
const seconds = (max: number) => fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 60, max }))
const length = seconds(20 * DAY).map((count) => `${count}s`)
/** Whole percents, and shares of a few thousandths of one. */
const share = fc.oneof(
  fc.integer({ min: 0, max: 100 }).map((percent) => percent * 1_000),
  fc.integer({ min: 0, max: 100_000 }),
)
const ramp = fc
  .record({
    for: length,
    toShare: fc.oneof(
      fc.constant(100_000),
      share.map((value) => Math.max(1, value)),
    ),
  })
  .map((shape) => ({ ramp: shape }))
const steps = fc.array(fc.record({ after: seconds(3 * DAY), share }), { minLength: 1, maxLength: 5 }).map((gaps) => {
  const shares = gaps.map((gap) => gap.share).sort((one, other) => one - other)
  let after = 0
  return {
    steps: gaps.map((gap, index) => {
      after += index === 0 ? 0 : gap.after
      return { after: `${after}s`, share: shares[index] }
    }),
  }
})
const order = fc
  .tuple(serves, fc.oneof(ramp, steps), fc.constantFrom({}, { by: 'account' }), fc.option(seconds(DAY)))
  .map(([to, shape, by, start]) => ({ to, ...shape, ...by, delay: start }))
const verb: fc.Arbitrary<Verb> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('rollout' as const), order, replace: fc.boolean() }) },
  { weight: 3, arbitrary: fc.constantFrom<Verb>({ do: 'pause' }, { do: 'cancel' }, { do: 'finish' }) },
  { weight: 3, arbitrary: fc.constantFrom<Verb>({ do: 'resume', dates: 'shift' }, { do: 'resume', dates: 'keep' }) },
  {
    arbitrary: fc.constantFrom<Verb>({ do: 'retreat', how: 'now' }, { do: 'retreat', how: 'first-in-last-out' }),
    weight: 1,
  },
)
/** A rule, and edits of a plan with it. The first one is a rollout. */
export const histories = fc.record({
  rule: fc.option(rules),
  first: fc.record({
    after: fc.constant(0),
    verb: fc.record({ do: fc.constant('rollout' as const), order, replace: fc.constant(false) }),
  }),
  edits: fc.array(fc.record({ after: seconds(4 * DAY), verb }), { maxLength: 5 }),
})
export type History = { readonly rule: Plan['rule']; readonly first: Edit; readonly edits: readonly Edit[] }

export type Edited = { readonly plan: Plan; readonly now: number; readonly verb: Verb }

/** The plans of a history, each after one more verb. Verbs that do not apply, and orders from which people would leave, are left out. */
export function plansOf({ rule, first, edits }: History, isValid: (plan: Plan) => boolean): Edited[] {
  const plans: Edited[] = []
  let plan: Plan = { v: 1, ...(rule && { rule }) }
  let now = START
  for (const { after, verb } of [first, ...edits]) {
    now += after
    try {
      const next = apply(plan, verb, { now, salt: `r:flag:${plans.length}` })
      if (!isValid(next)) continue
      plan = next
      plans.push({ plan, now, verb })
    } catch (error) {
      if (!(error instanceof Error && error.name === 'FlagError')) throw error
    }
  }
  return plans
}

function apply(plan: Plan, verb: Verb, { now, salt }: { now: number; salt: string }): Plan {
  switch (verb.do) {
    case 'rollout': {
      const { delay, ...order } = verb.order as { delay: number | null }
      const options = { now, replace: verb.replace, leave: false, newSalt: () => salt }
      return startRollout(plan, readOrder({ ...order, start: now + (delay ?? 0) }, now), options)
    }
    case 'pause':
      return pauseRollout(plan, now)
    case 'cancel':
      return cancelPlan(plan, now)
    case 'finish':
      return finishPlan(plan, now, true)
    case 'resume':
      return resumeRollout(plan, now, verb.dates)
    case 'retreat':
      return retreatRollout(plan, now, verb.how)
  }
}

/** Seconds around the starts of the pieces of a plan, and far from them. */
export function secondsAround(starts: readonly number[]): number[] {
  const all = starts.flatMap((start) => [start - 1, start, start + 1, start + HOUR])
  const end = Math.max(START, ...starts)
  const spread = Array.from({ length: 5 }, (_, index) => Math.round(START + ((end - START) * index) / 5))
  return [...new Set([START - DAY, ...all, ...spread, end + DAY])].sort((one, other) => one - other)
}
