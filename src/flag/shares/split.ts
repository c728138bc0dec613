import { isRecord, WEIGHT_SUM_MAX } from '../definition.ts'
import { FlagError, pointerTo, shorten } from '../error.ts'
import { sumOf, toWeight } from '../operators/fractional.ts'
import { type OperatorCall, operatorCallOf } from '../rules/expression.ts'
import { movedPlaces, type PlaceRange, reshare } from './ranges.ts'

/** The share of a variant in 1/100,000 of the users of a split. */
export type VariantShare = { readonly variant: string; readonly share: number }
/** The whole of a split. */
export const SPLIT_TOTAL = 100_000

/** A `fractional` with constant variants and weights, and its JSON Pointer in the rule. */
type Split = { readonly pointer: string; readonly seed: readonly unknown[]; readonly ranges: readonly PlaceRange[] }

/** The rule with new shares. `moves`: the share of users, from 0 to 1, that get another variant. */
export type ResharedRule = {
  readonly rule: unknown
  readonly pointer: string
  readonly moves: number
  readonly ranges: readonly PlaceRange[]
}

/**
 * Gives the split of a rule new shares and moves as few users as possible: variants keep their ranges, and may have several. `at`: the JSON
 * Pointer of the split in the rule; undefined for the only one. Fails with `invalid`.
 */
export function reshareRule(rule: unknown, shares: readonly VariantShare[], at?: string): ResharedRule {
  const split = splitAt(splitsIn(rule), at)
  const total = split.ranges.reduce((sum, { places }) => sum + places, 0)
  const unit = leastCommonMultiple(total, SPLIT_TOTAL)
  if (unit > WEIGHT_SUM_MAX)
    throw invalid(`The weights of the split have the sum ${total}, which cannot be divided into 1/${SPLIT_TOTAL}`)
  const scaled = split.ranges.map(({ owner, places }) => ({ owner, places: places * (unit / total) }))
  const wanted = new Map(shares.map(({ variant, share }) => [variant, share * (unit / SPLIT_TOTAL)]))
  const after = reduced(reshare(scaled, wanted))
  const moved = movedPlaces(scaled, reshare(scaled, wanted)).reduce((sum, { places }) => sum + places, 0)
  const fractional = [...split.seed, ...after.map(({ owner, places }) => [owner, places])]
  return {
    rule: replaced(rule, split.pointer.split('/').slice(1), { fractional }),
    pointer: split.pointer,
    moves: moved / unit,
    ranges: after,
  }
}

function splitAt(splits: readonly Split[], at: string | undefined): Split {
  const places = splits.map(({ pointer }) => shorten(pointer)).join(', ')
  const found = at === undefined && splits.length === 1 ? splits[0] : splits.find(({ pointer }) => pointer === at)
  if (found) return found
  if (splits.length === 0) throw invalid('The rule has no split with constant variants and weights')
  if (at === undefined) throw invalid(`The rule has ${splits.length} splits: name one with "at": ${places}`)
  throw invalid(`The rule has no split at ${shorten(at)}: there are ${places}`)
}

const invalid = (message: string) => new FlagError('invalid', message)

/** The splits of a rule, wherever they stand. Not recursive, because a stored rule may nest deeper than the call stack. */
function splitsIn(rule: unknown): Split[] {
  const splits: Split[] = []
  const pending: { value: unknown; pointer: string }[] = [{ value: rule, pointer: '' }]
  for (const { value, pointer } of pending) {
    if (typeof value !== 'object' || value === null) continue
    const call = operatorCallOf(value)
    const split = call?.operator === 'fractional' ? splitOf(call, pointer) : undefined
    if (split) splits.push(split)
    const members = Array.isArray(value)
      ? value.map((item, index) => [String(index), item] as const)
      : Object.entries(value)
    for (const [name, inner] of members) pending.push({ value: inner, pointer: pointer + pointerTo(name) })
  }
  return splits
}

function splitOf({ operands }: OperatorCall, pointer: string): Split | undefined {
  const first = Array.isArray(operands[0]) ? 0 : 1
  const ranges = operands.slice(first).map(rangeOf)
  if (ranges.length === 0 || !ranges.every((range) => range !== undefined)) return undefined
  if (sumOf(ranges.map(({ places }) => places)) === undefined) return undefined
  return { pointer, seed: operands.slice(0, first), ranges: ranges.filter(({ places }) => places > 0) }
}

function rangeOf(share: unknown): PlaceRange | undefined {
  if (!Array.isArray(share)) return undefined
  const [variant, weight = 1] = share
  return typeof variant === 'string' ? { owner: variant, places: toWeight(weight) } : undefined
}

/** The same shares with the smallest weights. */
function reduced(ranges: readonly PlaceRange[]): PlaceRange[] {
  const divisor = ranges.reduce((common, { places }) => greatestCommonDivisor(common, places), 0)
  return ranges.map(({ owner, places }) => ({ owner, places: places / divisor }))
}

const greatestCommonDivisor = (one: number, other: number): number =>
  other === 0 ? one : greatestCommonDivisor(other, one % other)
const leastCommonMultiple = (one: number, other: number): number => (one / greatestCommonDivisor(one, other)) * other

/** `value` with `part` at the path; only what leads to it is copied. */
function replaced(value: unknown, [step, ...rest]: readonly string[], part: unknown): unknown {
  if (step === undefined) return part
  const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
  if (Array.isArray(value)) return value.with(Number(name), replaced(value[Number(name)], rest, part))
  return isRecord(value) ? { ...value, [name]: replaced(value[name], rest, part) } : value
}
