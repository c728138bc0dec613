import { WEIGHT_SUM_MAX } from '../definition.ts'
import { type RampLine, SHARE_TOTAL, type UserShare } from './plan.ts'

/** An exact fraction; `total` is above 0. */
export type Fraction = { readonly weight: bigint; readonly total: bigint }

export const fractionOf = (share: UserShare): Fraction =>
  typeof share === 'number'
    ? { weight: BigInt(share), total: BigInt(SHARE_TOTAL) }
    : { weight: BigInt(share[0]), total: BigInt(share[1]) }

/** Negative if `one` is the smaller fraction, 0 if both are equal. */
export function compareFractions(one: Fraction, other: Fraction): -1 | 0 | 1 {
  const [left, right] = [one.weight * other.total, other.weight * one.total]
  return left < right ? -1 : left > right ? 1 : 0
}

export const compareShares = (one: UserShare, other: UserShare): -1 | 0 | 1 =>
  compareFractions(fractionOf(one), fractionOf(other))

/** A share in percent, rounded to five places after the point. */
export function percentOf(share: UserShare): number {
  const { weight, total } = fractionOf(share)
  return Number((weight * 10_000_000n + total / 2n) / total) / 100_000
}

/** The weight of "in" at the second T is `slope * T + base`, that of "out" is the rest of `total`. */
export type Weights = { readonly slope: -1 | 0 | 1; readonly base: number; readonly total: number }

export const fixedWeights = (share: UserShare): Weights =>
  typeof share === 'number'
    ? { slope: 0, base: share, total: SHARE_TOTAL }
    : { slope: 0, base: share[0], total: share[1] }

/** The share at a second; only inside the ramp. */
export function shareAt({ slope, base, total }: Weights, second: number): UserShare {
  if (slope === 0 && total === SHARE_TOTAL) return base
  return [slope === 0 ? base : slope * second + base, total]
}

/** The weights of the whole ramp `line`, upwards or downwards. */
export function weightsOn({ at, seconds }: RampLine, isRising: boolean): Weights {
  return isRising ? { slope: 1, base: -at, total: seconds } : { slope: -1, base: at + seconds, total: seconds }
}

type RampEnds = {
  readonly at: number
  readonly until: number
  readonly fromShare: UserShare
  readonly toShare: UserShare
}

/**
 * The whole ramp whose piece from `at` to `until` goes from one share to another. At `at` the share is at least `fromShare`, and in the last
 * second at most `toShare`, exactly: no user leaves at either end. (Downwards: at most, and at least.) With the length D = ⌈L / (p₁ − p₀)⌉ and
 * the offset x = ⌈p₀ D⌉, x / D ≥ p₀, and (x + L − 1) / D < p₀ + L / D ≤ p₁. Undefined if it is longer than a weight may be.
 */
export function lineOf({ at, until, fromShare, toShare }: RampEnds): RampLine | undefined {
  const [from, to] = [fractionOf(fromShare), fractionOf(toShare)]
  const rise = to.weight * from.total - from.weight * to.total
  const distance = rise < 0n ? -rise : rise
  const denominator = from.total * to.total
  if (distance === 0n || until <= at) return undefined
  const length = ceilingOf(BigInt(until - at) * denominator, distance)
  if (length > BigInt(WEIGHT_SUM_MAX)) return undefined
  const offset =
    rise > 0n ? ceilingOf(from.weight * length, from.total) : ceilingOf((from.total - from.weight) * length, from.total)
  return { at: at - Number(offset), seconds: Number(length) }
}

const ceilingOf = (dividend: bigint, divisor: bigint): bigint => (dividend + divisor - 1n) / divisor
