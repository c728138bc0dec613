import { FlagError } from '../../error.ts'
import { isContinued } from '../check-shares.ts'
import { resultOf, ruleOf } from '../compile-plan.ts'
import { piecesOf, piecesOfArm, shareOfArm } from '../pieces.ts'
import { type Arm, type Plan, type Rollout, rolloutOf, type Serve, secondOf, type UserShare } from '../plan.ts'
import { compareShares } from '../share.ts'
import { isFalling, mirrored, resumedLater, resumedOnDate, shiftArm, withLine } from './shift.ts'

/** Arms that ended longer ago are dropped by a change; until then clients with a slow clock still need them. */
const KEPT_SECONDS = 86_400

/** The arm in force at a second, and what comes after it. */
export type ArmInForce = {
  readonly arm: Arm | undefined
  readonly rollout: Rollout | undefined
  readonly share: UserShare | undefined
  /** The arms before it that are worth keeping, and itself if it began before this second. */
  readonly begun: readonly Arm[]
  /** The arms directly after it that continue its rollout. */
  readonly continued: readonly Arm[]
  /** The arms after those. */
  readonly others: readonly Arm[]
  /** Whether its rollout is paused, or time still changes its share. */
  readonly isUnderWay: boolean
}

export function armInForce({ timeline = [] }: Plan, second: number): ArmInForce {
  const index = timeline.findLastIndex(({ at }) => secondOf(at) <= second)
  const arm = timeline[index]
  const rollout = rolloutOf(arm)
  const after = timeline.slice(index + 1)
  const isOther = (next: Arm) => !(rollout && 'rollout' in next && isContinued(next.rollout, rollout))
  const count = after.findIndex(isOther)
  const continued = count < 0 ? after : after.slice(0, count)
  const others = after.slice(continued.length)
  const [next] = after
  const end = next ? secondOf(next.at) : Number.POSITIVE_INFINITY
  const isChanging =
    arm !== undefined && 'rollout' in arm && piecesOfArm(arm).some(({ start }) => start > second && start < end)
  const isUnderWay =
    rollout !== undefined && (isChanging || continued.length > 0 || (arm !== undefined && 'paused' in arm))
  return {
    arm,
    rollout,
    share: shareOfArm(arm, second),
    begun: begunArms(timeline, second),
    continued,
    others,
    isUnderWay,
  }
}

/** The arms that began before a second, without those that ended long before it. */
function begunArms(timeline: readonly Arm[], second: number): Arm[] {
  const first = timeline.findLastIndex(({ at }) => secondOf(at) <= second - KEPT_SECONDS)
  return timeline.slice(Math.max(0, first)).filter(({ at }) => secondOf(at) < second)
}

const conflict = (message: string) => new FlagError('conflict', message)

/** Keeps the share of the running rollout as it is at `now`. Fails with `conflict`. */
export function pauseRollout(plan: Plan, now: number): Plan {
  const { arm, rollout, share, begun, continued, others, isUnderWay } = armInForce(plan, now)
  if (arm && 'paused' in arm) throw conflict('Cannot pause: the rollout is paused already')
  if (!arm || !rollout || share === undefined || !isUnderWay) throw conflict('Cannot pause: no rollout is running')
  const later = continued.length > 0 && { later: continued.map(withOwnLine) }
  const paused = { share, of: withLine(rollout, secondOf(arm.at)), ...later }
  return { ...plan, timeline: [...begun, { at: now, paused }, ...others] }
}

const withOwnLine = (arm: Arm): Arm =>
  'rollout' in arm ? { ...arm, rollout: withLine(arm.rollout, secondOf(arm.at)) } : arm

/** Continues the paused rollout: later by the length of the pause (`shift`), or so that the planned dates hold (`keep`). Fails with `conflict`. */
export function resumeRollout(plan: Plan, now: number, dates: 'shift' | 'keep'): Plan {
  const { arm, begun, others } = armInForce(plan, now)
  if (!arm || !('paused' in arm)) throw conflict('Cannot resume: no rollout is paused')
  const from = secondOf(arm.at)
  const { of, share, later = [] } = arm.paused
  const passed = dates === 'keep' ? later.findLastIndex(({ at }) => secondOf(at) <= now) : -1
  const current = rolloutOf(later[passed]) ?? of
  const resume = dates === 'keep' ? resumedOnDate : resumedLater
  const left = later.slice(passed + 1).map((next) => (dates === 'keep' ? next : shiftArm(next, now - from)))
  const [other] = others
  const end = other ? secondOf(other.at) : Number.POSITIVE_INFINITY
  const rollout = resume(current, { from, at: now, share })
  const resumed: Arm = { at: now, rollout, ...(isFalling(rollout) && { leave: true }) }
  return { ...plan, timeline: [...begun, resumed, ...left.filter(({ at }) => secondOf(at) < end), ...others] }
}

/** Takes the rollout back, all at once or in the reverse order; nothing that was planned after it happens. Fails with `conflict`. */
export function retreatRollout(plan: Plan, now: number, how: 'now' | 'first-in-last-out'): Plan {
  const { arm, rollout, share, begun } = armInForce(plan, now)
  if (!arm || !rollout || share === undefined || compareShares(share, 0) === 0)
    throw conflict('Cannot retreat: no rollout is in force')
  if (how === 'now') return { ...plan, timeline: [...begun, { at: now, serve: rollout.from }] }
  const reached = 'paused' in arm ? secondOf(arm.at) : now
  const back = mirrored(rollout, secondOf(arm.at), { at: now, reached, share })
  if (!back) throw conflict('Cannot retreat first in, last out: the rollout is on its way back')
  return { ...plan, timeline: [...begun, { at: now, rollout: back, leave: true }] }
}

/** Makes what is served at the end the rule, without a timeline. Fails with `conflict` before the end, unless `early`. */
export function finishPlan(plan: Plan, now: number, early: boolean): Plan {
  const { timeline = [], ...rest } = plan
  const last = timeline.at(-1)
  if (!last) throw conflict('Cannot finish: the plan has no timeline')
  if ('paused' in last) throw conflict('Cannot finish: the rollout is paused')
  const end = piecesOf(plan).at(-1)
  if (!end || (end.start > now && !early))
    throw conflict(`Cannot finish: the timeline ends at ${end?.start}; "early" finishes it now`)
  return { ...rest, rule: ruleOf(resultOf(end.outcome, plan)) ?? null }
}

/** Drops what has not begun and keeps what is served at `now`. Fails with `conflict` if time changes nothing any more. */
export function cancelPlan(plan: Plan, now: number): Plan {
  const { arm, rollout, share, begun, continued, others, isUnderWay } = armInForce(plan, now)
  if (!isUnderWay && continued.length + others.length === 0) throw conflict('Cannot cancel: nothing is planned')
  if (!arm) {
    const { timeline: _, ...rest } = plan
    return rest
  }
  if (!rollout || share === undefined || !isUnderWay)
    return { ...plan, timeline: secondOf(arm.at) < now ? begun : [...begun, arm] }
  return { ...plan, timeline: [...begun, { at: now, rollout: stoppedAt(rollout, now, share) }] }
}

/** The plan with what it serves at `now` as its rule, without a timeline. */
export function dropTimeline(plan: Plan, now: number): Plan {
  const { timeline: _, ...rest } = plan
  const serve = servedBy(armInForce(plan, now), plan)
  return 'base' in serve ? rest : { ...rest, rule: ruleOf(resultOf({ serve }, plan)) ?? null }
}

/** A rollout that has ended at a share. */
export const stoppedAt = (rollout: Rollout, at: number, share: UserShare): Rollout => ({
  ...rollout,
  shape: { steps: [{ at, share }] },
})

/** What is served at a second, as the start of a rollout. */
export function servedBy({ arm, rollout, share }: ArmInForce, plan: Plan): Serve {
  if (arm && 'serve' in arm) return arm.serve
  if (!rollout || share === undefined) return { base: true }
  if (compareShares(share, [1, 1]) === 0) return rollout.to
  if (compareShares(share, 0) === 0) return rollout.from
  const stopped = piecesOfArm({ at: 0, paused: { share, of: rollout } })[0]
  const rule = stopped && ruleOf(resultOf(stopped.outcome, plan))
  return rule ? { rule } : { base: true }
}
