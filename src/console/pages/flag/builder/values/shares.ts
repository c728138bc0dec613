/** The largest sum of weights that "finer" may lead to. */
const FINEST = 1_000_000

/** Moves the border after share `index` by `by` units of weight. Only its two neighbours change. */
export function moveBorder(weights: readonly number[], index: number, by: number): number[] {
  const [left = 0, right = 0] = [weights[index], weights[index + 1]]
  const moved = Math.max(-left, Math.min(right, Math.round(by)))
  return weights.with(index, left + moved).with(index + 1, right - moved)
}

/** Gives share `index` another weight. The next share makes up for it, or the one before the last; the sum stays. */
export function setShare(weights: readonly number[], index: number, weight: number): number[] {
  if (weights.length < 2) return [...weights]
  const isLast = index === weights.length - 1
  const by = weight - (weights[index] ?? 0)
  return isLast ? moveBorder(weights, index - 1, -by) : moveBorder(weights, index, by)
}

/** One hundredth of the whole, in units of weight, but at least one unit. */
export const stepOf = (total: number): number => Math.max(1, Math.round(total / 100))

/** Multiplies all weights by 10, so that the steps are finer; the shares stay. Undefined if they are fine enough. */
export function finer(weights: readonly number[]): number[] | undefined {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return total * 10 > FINEST ? undefined : weights.map((weight) => weight * 10)
}

/** The percentage of a weight with at most three decimals. */
export const percentOf = (weight: number, total: number): number =>
  total === 0 ? 0 : Number(((100 * weight) / total).toFixed(3))
