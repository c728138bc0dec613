import type { Mistake } from '../error.ts'
import { shareOfArm } from './pieces.ts'
import { type Arm, type RampShape, type Rollout, type RolloutStep, rolloutOf, secondOf } from './plan.ts'
import { compareShares, lineOf, percentOf, shareAt, weightsOn } from './share.ts'

/** Finds mistakes in the shares of an arm: times out of order, ramps that are too slow, and users that would leave the rollout. */
export function checkShares(arm: Arm, before: Arm | undefined, pointer: string): Mistake[] {
  const isWilling = 'leave' in arm
  const found =
    'rollout' in arm
      ? checkShape(arm.rollout, { at: secondOf(arm.at), isWilling, pointer: `${pointer}/rollout/shape` })
      : []
  if (found.length > 0 || isWilling) return found
  const message = leaving(arm, before)
  return message === undefined ? [] : [{ pointer, message }]
}

type ShapePlace = { readonly at: number; readonly isWilling: boolean; readonly pointer: string }

function checkShape({ shape }: Rollout, place: ShapePlace): Mistake[] {
  return 'ramp' in shape
    ? checkRamp(shape.ramp, { ...place, pointer: `${place.pointer}/ramp` })
    : checkSteps(shape.steps, { ...place, pointer: `${place.pointer}/steps` })
}

const LEAVE = 'people who are in would leave; set "leave": true beside the rollout if that is wanted'

function checkSteps(steps: readonly RolloutStep[], { at, isWilling, pointer }: ShapePlace): Mistake[] {
  return steps.flatMap((step, index) => {
    const before = steps[index - 1]
    const second = secondOf(step.at)
    const place = `${pointer}/${index}`
    if (before ? second <= secondOf(before.at) : second < at)
      return [
        {
          pointer: `${place}/at`,
          message: `Step is at ${second}, before the ${before ? 'one before it' : 'start of its arm'}`,
        },
      ]
    if (isWilling || before === undefined || compareShares(step.share, before.share) >= 0) return []
    const message = `Share falls from ${percentOf(before.share)} % to ${percentOf(step.share)} %: ${LEAVE}`
    return [{ pointer: `${place}/share`, message }]
  })
}

function checkRamp(ramp: RampShape, { at, isWilling, pointer }: ShapePlace): Mistake[] {
  const until = secondOf(ramp.until)
  if (until <= at)
    return [{ pointer: `${pointer}/until`, message: `Ramp ends at ${until}, not after its start at ${at}` }]
  const direction = compareShares(ramp.fromShare, ramp.toShare)
  if (direction === 0) return [{ pointer: `${pointer}/toShare`, message: 'Ramp begins and ends with the same share' }]
  if (direction > 0 && !isWilling) {
    const message = `Share falls from ${percentOf(ramp.fromShare)} % to ${percentOf(ramp.toShare)} %: ${LEAVE}`
    return [{ pointer: `${pointer}/toShare`, message }]
  }
  const line = ramp.line ?? lineOf({ ...ramp, at, until })
  if (line === undefined)
    return [{ pointer: `${pointer}/until`, message: 'Ramp is slower than 1 % in 248 days: use steps' }]
  return ramp.line === undefined ? [] : checkLine({ ...ramp, line }, { at, isWilling, pointer })
}

/** A stored line must keep within both ends of the ramp. */
function checkLine(ramp: Required<RampShape>, { at, pointer }: ShapePlace): Mistake[] {
  const { line, fromShare, toShare } = ramp
  const isRising = compareShares(fromShare, toShare) < 0
  const weights = weightsOn(line, isRising)
  const last = secondOf(ramp.until) - 1
  const isInside = at >= line.at && last <= line.at + line.seconds && line.seconds <= 2_147_483_647
  const [first, end] = [shareAt(weights, at), shareAt(weights, last)]
  const isBetween = isRising
    ? compareShares(first, fromShare) >= 0 && compareShares(end, toShare) <= 0
    : compareShares(first, fromShare) <= 0 && compareShares(end, toShare) >= 0
  if (isInside && isBetween) return []
  return [
    { pointer: `${pointer}/line`, message: 'Line leaves the shares of its ramp: leave it out, and it is computed' },
  ]
}

/** Why users leave a rollout at the start of `arm`; undefined if none does, or if the arm serves something without a rollout. */
function leaving(arm: Arm, before: Arm | undefined): string | undefined {
  const [rollout, earlier] = [rolloutOf(arm), rolloutOf(before)]
  if (rollout === undefined || earlier === undefined) return undefined
  const start = secondOf(arm.at)
  const [last, share] = [shareOfArm(before, start - 1), shareOfArm(before, start)]
  const next = shareOfArm(arm, start)
  if (last === undefined || share === undefined || next === undefined || compareShares(share, 0) === 0) return undefined
  if (isContinued(rollout, earlier))
    // Of a rollout that goes back, the share of this very second.
    return compareShares(next, last) < 0 && compareShares(next, share) < 0
      ? `Share falls from ${percentOf(share)} % to ${percentOf(next)} %: ${LEAVE}`
      : undefined
  // A rule is what its author decided that people leave; the service writes the earlier rollout there.
  const isFrom = JSON.stringify(rollout.from) === JSON.stringify(earlier.to) && compareShares(share, [1, 1]) === 0
  if (isFrom || 'rule' in rollout.from) return undefined
  return `Another rollout had reached ${percentOf(share)} %, and this one is not from what that one serves: ${LEAVE}`
}

/** Whether two rollouts have the same users in the same order. */
export const isContinued = (one: Rollout, other: Rollout): boolean =>
  one.salt === other.salt && one.by === other.by && JSON.stringify(one.to) === JSON.stringify(other.to)
