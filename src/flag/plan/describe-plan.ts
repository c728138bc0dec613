import { pieceAt, piecesOf, shareOfArm } from './pieces.ts'
import { type Plan, type PlanMoment, rolloutOf, type Serve, secondOf, type UserShare } from './plan.ts'
import { compareShares, percentOf } from './share.ts'

/** What a plan does at a second. */
export type PlanState = {
  /** The place of the arm in force; null before the first one. */
  readonly arm: number | null
  /** The share of users that get the `to` of the rollout in force; null without one. */
  readonly share: UserShare | null
  readonly paused: boolean
  /** The next second at which an arm, a step or the end of a ramp changes it; null if none does. */
  readonly next: number | null
  /** Whether time changes nothing any more. */
  readonly finished: boolean
}

export function describePlan(plan: Plan, second: number): PlanState {
  const pieces = piecesOf(plan)
  const index = pieceAt(pieces, second)?.arm ?? -1
  const arm = plan.timeline?.[index]
  const next = pieces.find(({ start }) => start > second)?.start ?? null
  const isPaused = arm !== undefined && 'paused' in arm
  return {
    arm: arm === undefined ? null : index,
    share: shareOfArm(arm, second) ?? null,
    paused: isPaused,
    next,
    finished: next === null && !isPaused,
  }
}

/** A moment at which time changes what a flag serves; a ramp is two. */
export type PlannedChange = {
  readonly at: PlanMoment
  /** The place of the arm. */
  readonly arm: number
  readonly what: 'serve' | 'step' | 'ramp_start' | 'ramp_end' | 'pause'
  /** From then on; of a ramp at that end. */
  readonly share?: UserShare
  /** What is served; of a rollout to the share. */
  readonly serve: Serve
  readonly note?: string
}

/** All changes that a plan makes, in the order of time. */
export function changesOf({ timeline = [] }: Plan): PlannedChange[] {
  return timeline.flatMap((arm, index) => {
    const next = timeline[index + 1]
    const end = next ? secondOf(next.at) : Number.POSITIVE_INFINITY
    const own = ownChanges(arm).filter(({ at }) => secondOf(at) < end)
    return own.map((change) => ({ ...change, arm: index, ...(arm.note !== undefined && { note: arm.note }) }))
  })
}

type OwnChange = Omit<PlannedChange, 'arm' | 'note'>

function ownChanges(arm: NonNullable<Plan['timeline']>[number]): OwnChange[] {
  const { at } = arm
  if ('serve' in arm) return [{ at, what: 'serve', serve: arm.serve }]
  if ('paused' in arm) return [{ at, what: 'pause', share: arm.paused.share, serve: arm.paused.of.to }]
  const { shape, to: serve } = arm.rollout
  if ('steps' in shape) return shape.steps.map(({ at, share }) => ({ at, what: 'step', share, serve }))
  return [
    { at, what: 'ramp_start', share: shape.ramp.fromShare, serve },
    { at: shape.ramp.until, what: 'ramp_end', share: shape.ramp.toShare, serve },
  ]
}

/** The moments of a plan in `(from, to]`, in unix seconds: what time did to it meanwhile. */
export const changesBetween = (plan: Plan, from: number, to: number): PlannedChange[] =>
  changesOf(plan).filter(({ at }) => secondOf(at) > from && secondOf(at) <= to)

/** What is worth knowing before a plan takes effect: who leaves a rollout after `second`. */
export function planWarnings({ timeline = [] }: Plan, second: number): string[] {
  return timeline.flatMap((arm, index) => {
    const start = secondOf(arm.at)
    const before = shareOfArm(timeline[index - 1], start)
    const share = rolloutOf(arm) && shareOfArm(arm, start)
    if (start < second || !('leave' in arm) || before === undefined || share === undefined) return []
    if (compareShares(share, before) >= 0) return []
    const percent = Math.round((percentOf(before) - percentOf(share)) * 100_000) / 100_000
    return [`${percent} % of people leave the rollout at ${start}`]
  })
}
