import { describePlan, type PlanState } from '../../../../flag/plan/describe-plan.ts'
import { type Plan, rolloutOf, SHARE_TOTAL, type UserShare } from '../../../../flag/plan/plan.ts'
import { sayServe, sayShare } from '../../../rules/plan/say-plan.ts'

/** The state of a plan in a word. `plain`: it has no timeline. */
export type PlanPhase = 'plain' | 'scheduled' | 'running' | 'paused' | 'finished'

export type PlanNow = PlanState & {
  readonly phase: PlanPhase
  /** What is served now, in one sentence without a full stop. */
  readonly sentence: string
}

/** What a plan does at `now` (unix seconds). */
export function planAt(plan: Plan, now: number): PlanNow {
  const state = describePlan(plan, now)
  return { ...state, phase: phaseOf(plan, state), sentence: sentenceOf(plan, state) }
}

function phaseOf({ timeline = [] }: Plan, { arm, paused, finished }: PlanState): PlanPhase {
  if (timeline.length === 0) return 'plain'
  if (arm === null) return 'scheduled'
  if (paused) return 'paused'
  return finished ? 'finished' : 'running'
}

function sentenceOf({ timeline = [], rule }: Plan, { arm, share }: PlanState): string {
  const current = arm === null ? undefined : timeline[arm]
  const rollout = rolloutOf(current)
  const base = sayServe(rule ? { rule } : { default: true })
  const say = (serve: Parameters<typeof sayServe>[0]) => ('base' in serve ? base : sayServe(serve))
  if (!rollout || share === null) return current && 'serve' in current ? say(current.serve) : base
  return `${sayShare(share)} of users get ${say(rollout.to)}, the others ${say(rollout.from)}`
}

/** A share as an exact fraction: `20,571 of 60,000`. */
export function sayExact(share: UserShare): string {
  const [weight, total] = typeof share === 'number' ? [share, SHARE_TOTAL] : share
  return `${weight.toLocaleString('en')} of ${total.toLocaleString('en')}`
}
