import { type Arm, type RampShape, type Rollout, type RolloutStep, secondOf, type UserShare } from '../plan.ts'
import { compareShares, lineOf } from '../share.ts'

/** The line of a ramp that starts at `at`. */
export function lineFrom(ramp: RampShape, at: number) {
  return ramp.line ?? lineOf({ ...ramp, at, until: secondOf(ramp.until) })
}

/** A rollout that starts at `at`, with the line of its ramp written down, so that it can go on elsewhere. */
export function withLine(rollout: Rollout, at: number): Rollout {
  if (!('ramp' in rollout.shape)) return rollout
  const line = lineFrom(rollout.shape.ramp, at)
  return line ? { ...rollout, shape: { ramp: { ...rollout.shape.ramp, line } } } : rollout
}

type Resumption = {
  /** The second at which the rollout was paused, and the one at which it goes on. */
  readonly from: number
  readonly at: number
  /** The share between both. */
  readonly share: UserShare
}

/** A paused rollout that goes on where it was, as much later as the pause took. */
export function resumedLater(rollout: Rollout, { from, at, share }: Resumption): Rollout {
  const delay = at - from
  const { shape } = rollout
  if ('steps' in shape) {
    const left = shape.steps.filter((step) => secondOf(step.at) > from).map((step) => shiftStep(step, delay))
    return { ...rollout, shape: { steps: [{ at, share }, ...left] } }
  }
  const until = secondOf(shape.ramp.until) + delay
  if (until <= at) return { ...rollout, shape: { steps: [{ at, share }] } }
  return { ...rollout, shape: { ramp: { ...shiftRamp(shape.ramp, delay), fromShare: share } } }
}

/** A paused rollout that reaches its shares at the dates that were planned. */
export function resumedOnDate(rollout: Rollout, { at, share }: Resumption): Rollout {
  const { shape } = rollout
  if ('steps' in shape) {
    const reached = shape.steps.findLast((step) => secondOf(step.at) <= at)?.share ?? share
    const left = shape.steps.filter((step) => secondOf(step.at) > at)
    return { ...rollout, shape: { steps: [{ at, share: reached }, ...left] } }
  }
  const { until, toShare } = shape.ramp
  const isOver = secondOf(until) <= at || compareShares(share, toShare) === 0
  return {
    ...rollout,
    shape: isOver ? { steps: [{ at, share: toShare }] } : { ramp: { until, fromShare: share, toShare } },
  }
}

/** Whether the share of a rollout falls at some time. */
export function isFalling({ shape }: Rollout): boolean {
  if ('ramp' in shape) return compareShares(shape.ramp.fromShare, shape.ramp.toShare) > 0
  const falls = ({ share }: RolloutStep, index: number) => {
    const next = shape.steps[index + 1]
    return next !== undefined && compareShares(share, next.share) > 0
  }
  return shape.steps.some(falls)
}

/** An arm with a rollout, later by `delay` seconds. */
export function shiftArm(arm: Arm, delay: number): Arm {
  if (!('rollout' in arm)) return arm
  const { shape } = arm.rollout
  const shifted: Rollout['shape'] =
    'steps' in shape
      ? { steps: shape.steps.map((step) => shiftStep(step, delay)) }
      : { ramp: shiftRamp(shape.ramp, delay) }
  return { ...arm, at: secondOf(arm.at) + delay, rollout: { ...arm.rollout, shape: shifted } }
}

const shiftStep = ({ at, share }: RolloutStep, delay: number): RolloutStep => ({ at: secondOf(at) + delay, share })

const shiftRamp = (ramp: RampShape, delay: number): RampShape => ({
  ...ramp,
  until: secondOf(ramp.until) + delay,
  ...(ramp.line && { line: { ...ramp.line, at: ramp.line.at + delay } }),
})

type Retreat = {
  /** The second at which users begin to leave. */
  readonly at: number
  /** The second of the rollout whose share they leave from: `at`, or the second at which it was paused. */
  readonly reached: number
  readonly share: UserShare
}

/** The rollout backwards: the users who came in first leave last, and none comes in. Undefined if it does not grow. */
export function mirrored(rollout: Rollout, start: number, retreat: Retreat): Rollout | undefined {
  const { shape } = rollout
  const mirror = 'ramp' in shape ? mirrorRamp(shape.ramp, start, retreat) : mirrorSteps(shape.steps, retreat)
  return mirror && { ...rollout, shape: mirror }
}

/** The share at T is the one that the ramp had as long before `reached` as T is after `at`. */
function mirrorRamp(ramp: RampShape, start: number, retreat: Retreat): Rollout['shape'] | undefined {
  const line = lineFrom(ramp, start)
  if (line === undefined || compareShares(ramp.fromShare, ramp.toShare) >= 0) return undefined
  const { at, share } = retreat
  const reached = Math.min(retreat.reached, secondOf(ramp.until))
  const until = at + reached - line.at
  if (until <= at) return { steps: [{ at, share: 0 }] }
  // After its end a ramp has its last share, which may be just above that of its line.
  const isOver = retreat.reached >= secondOf(ramp.until)
  const mirror = { at: until - line.seconds, seconds: line.seconds }
  return { ramp: { until, fromShare: isOver ? ramp.toShare : share, toShare: 0, line: mirror } }
}

function mirrorSteps(steps: readonly RolloutStep[], { at, reached, share }: Retreat): Rollout['shape'] {
  const passed = steps.filter((step) => secondOf(step.at) <= reached).reverse()
  const left = passed.map(
    (step, index): RolloutStep => ({
      at: at + reached - secondOf(step.at),
      share: passed[index + 1]?.share ?? 0,
    }),
  )
  const [first] = left
  return { steps: first && secondOf(first.at) === at ? left : [{ at, share }, ...left] }
}
