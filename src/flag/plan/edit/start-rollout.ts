import { FlagError } from '../../error.ts'
import { TARGETING_KEY } from '../gate.ts'
import { PAST_SECONDS_MAX } from '../pair.ts'
import { type Arm, type Plan, type PlanMoment, type Rollout, secondOf } from '../plan.ts'
import type { RolloutOrder } from '../read/order.ts'
import { compareShares } from '../share.ts'
import { type ArmInForce, armInForce, servedBy } from './edit.ts'

type RolloutOptions = {
  readonly now: number
  /** Ends the rollout that is under way: the new one begins with its share. Drops what was planned after the start. */
  readonly replace: boolean
  /** Accepts that people who are in leave. */
  readonly leave: boolean
  readonly newSalt: () => string
}

/** Adds a rollout to a plan. Fails with `conflict` if another one is under way, or something is planned after its start. */
export function startRollout(plan: Plan, order: RolloutOrder, options: RolloutOptions): Plan {
  const { now, replace, leave } = options
  const start = secondOf(order.start)
  if (start < now - PAST_SECONDS_MAX)
    throw new FlagError('invalid', 'The rollout is invalid', {
      mistakes: [{ pointer: '/start', message: `Start is ${start}, more than ${PAST_SECONDS_MAX} s in the past` }],
    })
  const at = start <= now ? now : order.start
  const inForce = armInForce(plan, secondOf(at))
  const isTaken = inForce.arm !== undefined && secondOf(inForce.arm.at) === secondOf(at) && secondOf(at) > now
  if (!replace && (inForce.isUnderWay || isTaken))
    throw new FlagError('conflict', 'Cannot start the rollout: another one is under way then; "replace=true" ends it')
  if (!replace && inForce.continued.length + inForce.others.length > 0)
    throw new FlagError('conflict', 'Cannot start the rollout: more is planned after it; "replace=true" drops that')
  const base = isTaken ? armInForce(plan, secondOf(at) - 1) : inForce
  const rollout = rolloutAfter(base, { plan, order, at, options })
  const { note } = order
  const arm: Arm = { at, ...(note !== undefined && { note }), rollout, ...(leave && { leave }) }
  const begun = armInForce(plan, now).begun
  const between = (plan.timeline ?? []).filter(
    (other) => secondOf(other.at) >= now && secondOf(other.at) < secondOf(at),
  )
  return { ...plan, timeline: [...begun, ...between, arm] }
}

type NewRollout = {
  readonly plan: Plan
  readonly order: RolloutOrder
  readonly at: PlanMoment
  readonly options: RolloutOptions
}

function rolloutAfter(before: ArmInForce, { plan, order, at, options }: NewRollout): Rollout {
  const { to, shape } = order
  const same = sameRollout(before, order)
  const { from = servedBy(before, plan), by = TARGETING_KEY, salt = options.newSalt() } = { ...same, ...given(order) }
  const initial = same && before.share !== undefined ? before.share : 0
  if ('ramp' in shape) {
    const { until, fromShare = initial, toShare = 100_000 } = shape.ramp
    return { to, from, by, salt, shape: { ramp: { until, fromShare, toShare } } }
  }
  const [first] = shape.steps
  const isLate = same && first !== undefined && secondOf(first.at) > secondOf(at)
  return { to, from, by, salt, shape: { steps: isLate ? [{ at, share: initial }, ...shape.steps] : shape.steps } }
}

const given = ({ from, by, salt }: RolloutOrder) => ({
  ...(from && { from }),
  ...(by && { by }),
  ...(salt && { salt }),
})

/** The rollout in force if the order continues it: some people have its target and others do not. */
function sameRollout({ rollout, share = 0 }: ArmInForce, { to, by, salt }: RolloutOrder): Partial<Rollout> | undefined {
  const isPartial = compareShares(share, 0) > 0 && compareShares(share, [1, 1]) < 0
  if (rollout === undefined || !isPartial || JSON.stringify(rollout.to) !== JSON.stringify(to)) return undefined
  const isOrdered = (salt ?? rollout.salt) === rollout.salt && (by ?? rollout.by) === rollout.by
  return isOrdered ? rollout : undefined
}
