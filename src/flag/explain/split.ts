import { type Bucketing, type Context, isRecord } from '../definition.ts'
import { hashValueBy, isEntry, pick, placeOf, sumOf, toWeight } from '../operators/fractional.ts'
import { type EvaluationFrame, isScalar, operatorCallOf, RuleFault } from '../rules/expression.ts'
import { compileRule } from '../rules/rule.ts'
import { attributeOf } from './nodes.ts'

/** The places, counted from 0, that get a variant. */
export type Share = {
  readonly variant: unknown
  readonly weight: number
  readonly from: number
  /** The last place; less than `from` for a weight of 0. */
  readonly to: number
  readonly percent: number
}

/** Where an evaluation falls among the shares of a `fractional`. */
export type Bucket = {
  /** What decides the place: an attribute, or `targetingKey`; undefined for a computed value. */
  readonly by: string | undefined
  /** The text that is hashed (bucketing v1 and v2), or the value (v3). */
  readonly seed: unknown
  /** 32 bits, unsigned. */
  readonly hash: number
  /** From 0 to `of` − 1. With bucketing v1 the shares are percentages of the hash, and there is no place. */
  readonly place: number | undefined
  /** The sum of the weights. */
  readonly of: number
  readonly shares: readonly Share[]
  /** Undefined if no share has the place (bucketing v1, the two largest hashes). */
  readonly variant: unknown
}

export type SplitInput = {
  readonly flagKey: string
  readonly context: Context
  readonly bucketing: Bucketing
  readonly now: number
}

/** A bucketing value that is not computed here. */
const UNKNOWN = Symbol('unknown')

/** Computes the bucket of a `fractional` with constant variants and weights; undefined for any other, and where there is no hash. */
export function bucketOf(node: unknown, { flagKey, context, bucketing, now }: SplitInput): Bucket | undefined {
  const call = operatorCallOf(node)
  if (call?.operator !== 'fractional') return undefined
  const hasValue = call.operands.length > 0 && !Array.isArray(call.operands[0])
  const entries = hasValue ? call.operands.slice(1) : call.operands
  if (!entries.every(isEntry) || !entries.every((entry) => entry.every(isScalar))) return undefined
  const weights = entries.map(([, weight]) => toWeight(weight))
  const of = sumOf(weights)
  if (of === undefined) return undefined
  const frame: EvaluationFrame = { flagKey, now, context, whole: undefined, steps: 0 }
  const rule = hasValue ? call.operands[0] : undefined
  const value = hasValue ? bucketingValue(rule, bucketing, frame) : undefined
  const hash = value === UNKNOWN ? undefined : hashValueBy(bucketing)(value, frame)
  if (hash === undefined) return undefined
  const place = bucketing === 'v1' ? undefined : placeOf(hash, of)
  const variant = entries[pick(hash, weights, of, bucketing)]?.[0]
  return {
    by: byOf(rule, hasValue),
    seed: seedOf(value, frame, bucketing),
    hash,
    place,
    of,
    shares: sharesOf(entries, weights, of),
    variant,
  }
}

function bucketingValue(rule: unknown, bucketing: Bucketing, frame: EvaluationFrame): unknown {
  try {
    return compileRule(rule, { segments: new Map(), bucketing }).expression(frame.context, frame)
  } catch (error) {
    if (error instanceof RuleFault) return UNKNOWN // for example a reference to a segment
    throw error
  }
}

function sharesOf(entries: readonly (readonly unknown[])[], weights: readonly number[], of: number): Share[] {
  let from = 0
  return entries.map(([variant], index) => {
    const weight = weights[index] ?? 0
    const share = { variant, weight, from, to: from + weight - 1, percent: (100 * weight) / of }
    from += weight
    return share
  })
}

/** The attribute that decides: also of `{"cat": [flag key, attribute]}`, which flagd's documentation recommends. */
function byOf(rule: unknown, hasValue: boolean): string | undefined {
  if (!hasValue) return 'targetingKey'
  const attribute = attributeOf(rule)
  if (attribute !== undefined) return attribute
  const call = operatorCallOf(rule)
  const attributes = call?.operator === 'cat' ? call.operands.map(attributeOf) : []
  const own = attributes.filter((each) => each !== undefined && each !== '$flagd.flagKey')
  return own.length === 1 ? own[0] : undefined
}

/** Without a value, the flag key and the targeting key are hashed. */
function seedOf(value: unknown, { flagKey, context }: EvaluationFrame, bucketing: Bucketing): unknown {
  if (value !== undefined && value !== null) return value
  const targetingKey = isRecord(context) ? context['targetingKey'] : undefined
  return bucketing === 'v3' ? [flagKey, targetingKey] : `${flagKey}${targetingKey}`
}
