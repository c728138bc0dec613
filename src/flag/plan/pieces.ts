import { type Arm, type Plan, type Rollout, type Serve, secondOf, type UserShare } from './plan.ts'
import { compareShares, fixedWeights, lineOf, shareAt, type Weights, weightsOn } from './share.ts'

/** What a plan does from `start` (unix seconds) until the next piece; `arm` is its place in the timeline, −1 before the first arm. */
export type Piece = { readonly start: number; readonly arm: number; readonly outcome: PieceOutcome }
export type PieceOutcome =
  | { readonly serve: Serve }
  | { readonly gate: { readonly rollout: Rollout; readonly weights: Weights } }

/** The pieces of a plan in the order of time, without gaps; the first starts at −Infinity. */
export function piecesOf({ timeline = [] }: Pick<Plan, 'timeline'>): Piece[] {
  const pieces: Piece[] = [{ start: Number.NEGATIVE_INFINITY, arm: -1, outcome: { serve: { base: true } } }]
  for (const [index, arm] of timeline.entries()) {
    const next = timeline[index + 1]
    const end = next ? secondOf(next.at) : Number.POSITIVE_INFINITY
    for (const { start, outcome } of piecesOfArm(arm)) if (start < end) pieces.push({ start, arm: index, outcome })
  }
  return pieces
}

/** The piece at a second. */
export function pieceAt(pieces: readonly Piece[], second: number): Piece | undefined {
  return pieces.findLast(({ start }) => start <= second)
}

type OwnPiece = Pick<Piece, 'start' | 'outcome'>

/** The pieces of one arm, as if none followed. */
export function piecesOfArm(arm: Arm): OwnPiece[] {
  const start = secondOf(arm.at)
  if ('serve' in arm) return [{ start, outcome: { serve: arm.serve } }]
  if ('paused' in arm) return [{ start, outcome: fixed(arm.paused.of, arm.paused.share) }]
  const { rollout } = arm
  if ('ramp' in rollout.shape) return rampPieces(rollout, start)
  const steps = rollout.shape.steps.map(({ at, share }) => ({ start: secondOf(at), outcome: fixed(rollout, share) }))
  const isLate = steps[0] === undefined || steps[0].start > start
  return isLate ? [{ start, outcome: fixed(rollout, 0) }, ...steps] : steps
}

function rampPieces(rollout: Rollout, at: number): OwnPiece[] {
  if (!('ramp' in rollout.shape)) return []
  const { ramp } = rollout.shape
  const until = secondOf(ramp.until)
  const line = ramp.line ?? lineOf({ ...ramp, at, until })
  const end = { start: until, outcome: fixed(rollout, ramp.toShare) }
  if (line === undefined) return [end]
  const weights = weightsOn(line, compareShares(ramp.fromShare, ramp.toShare) < 0)
  return [{ start: at, outcome: { gate: { rollout, weights } } }, end]
}

const fixed = (rollout: Rollout, share: UserShare): PieceOutcome => ({
  gate: { rollout, weights: fixedWeights(share) },
})

/** The share of the rollout of an arm at a second from its start on, as if no arm followed; undefined without a rollout. */
export function shareOfArm(arm: Arm | undefined, second: number): UserShare | undefined {
  const piece = arm && piecesOfArm(arm).findLast(({ start }) => start <= second)
  return piece && 'gate' in piece.outcome ? shareAt(piece.outcome.gate.weights, second) : undefined
}
