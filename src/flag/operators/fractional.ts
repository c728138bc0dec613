import { type Bucketing, isRecord, PRODUCT_LENGTH_MAX, WEIGHT_SUM_MAX } from '../definition.ts'
import {
  type Compiler,
  type Expression,
  type Frame,
  isScalar,
  type Operator,
  spend,
  toText,
  weigh,
} from '../rules/expression.ts'
import { encodeCbor } from './cbor.ts'
import { Murmur3, murmur3, murmur3Bytes } from './murmur3.ts'

/** The hash of a bucketing value; of undefined (not given), that of flag key and targeting key. Undefined for none. */
type Hash = (value: unknown, frame: Frame) => number | undefined
/** The hash for an evaluation. */
type Hashed = (data: unknown, frame: Frame) => number | undefined
/** The index of the share that a hash falls into. */
type Pick = (hash: number, weights: readonly number[], total: number) => number
type Share = { readonly variant: Expression; readonly weight: Expression }

/**
 * `fractional`: a variant by weight, always the same for the same bucketing value (flagd's fractional.go).
 * `[value, [variant, weight], …]`, or without the value, which is then the flag key and the targeting key together.
 * Null for whatever does not make sense.
 */
export const fractional: Operator = (operands, compiler) => {
  const { bucketing } = compiler
  const hash = bucketing === 'v3' ? hashValue : hashText
  const choose: Pick = (hashed, weights, total) => pick(hashed, weights, total, bucketing)
  const given = operands.length > 0 && !Array.isArray(operands[0])
  const entries = given ? operands.slice(1) : operands
  if (!entries.every(isEntry)) {
    const values = operands.map((operand) => compiler.compile(operand))
    return (data, frame) =>
      distributeValues(
        values.map((value) => value(data, frame)),
        hash,
        choose,
        frame,
      )
  }
  const hashed = given
    ? compileHashed(operands[0], hash, compiler)
    : (_: unknown, frame: Frame) => hash(undefined, frame)
  const shares = entries.map(([variant, weight = 1]) => ({
    variant: compiler.compile(variant),
    weight: compiler.compile(weight),
  }))
  const literal = entries.every(([, weight]) => isScalar(weight))
  if (!literal) return distribute(shares, hashed, choose)
  const weights = entries.map(([, weight]) => toWeight(weight))
  return distributeKnown(shares, weights, hashed, choose)
}

function compileHashed(by: unknown, hash: Hash, compiler: Compiler): Hashed {
  const texts = hash === hashText ? catOf(by) : undefined
  if (texts === undefined) {
    const value = compiler.compile(by)
    return (data, frame) => hash(value(data, frame), frame)
  }
  // The seed that flagd's documentation recommends, {"cat": [flag key, attribute]}, is hashed without being joined.
  const parts = texts.map((text) => compiler.compile(text))
  return (data, frame) => {
    const murmur3 = new Murmur3()
    for (let index = 0; index < parts.length; index += 1) {
      const text = toText(parts[index]?.(data, frame), frame)
      weigh(text, frame)
      murmur3.add(text)
    }
    return murmur3.finish()
  }
}

function catOf(rule: unknown): readonly unknown[] | undefined {
  if (!isRecord(rule) || !Object.hasOwn(rule, 'cat') || Object.keys(rule).length !== 1) return undefined
  const { cat } = rule
  return Array.isArray(cat) ? cat : undefined
}

function isEntry(operand: unknown): operand is readonly unknown[] {
  return Array.isArray(operand) && operand.length > 0
}

/** Weights that stand in the rule are checked and added up once, here. */
function distributeKnown(
  shares: readonly Share[],
  weights: readonly number[],
  hashed: Hashed,
  choose: Pick,
): Expression {
  const total = sum(weights)
  if (total === undefined) return () => null
  return (data, frame) => {
    const hash = hashed(data, frame)
    if (hash === undefined) return null
    return toVariant(shares[choose(hash, weights, total)]?.variant(data, frame))
  }
}

function distribute(shares: readonly Share[], hashed: Hashed, choose: Pick): Expression {
  return (data, frame) => {
    const hash = hashed(data, frame)
    if (hash === undefined) return null
    const weights = shares.map(({ weight }) => toWeight(weight(data, frame)))
    const total = sum(weights)
    return total === undefined ? null : toVariant(shares[choose(hash, weights, total)]?.variant(data, frame))
  }
}

/** For entries that only a rule can tell, so that even the first one may turn out to be a bucketing value. */
function distributeValues(values: readonly unknown[], hash: Hash, choose: Pick, frame: Frame): unknown {
  const given = !Array.isArray(values[0])
  const entries = given ? values.slice(1) : values
  if (!entries.every(isEntry)) return null
  spend(frame, entries.length)
  const weights = entries.map(([, weight]) => toWeight(weight))
  const total = sum(weights)
  const hashed = hash(given ? values[0] : undefined, frame)
  if (total === undefined || hashed === undefined) return null
  return toVariant(entries[choose(hashed, weights, total)]?.[0])
}

function toVariant(value: unknown): unknown {
  return isScalar(value) ? (value ?? null) : null
}

/** A whole number; missing counts as 1, negative as 0. NaN for anything else, which spoils the sum. */
function toWeight(weight: unknown): number {
  if (weight === null || weight === undefined) return 1
  return typeof weight === 'number' && Number.isInteger(weight) ? Math.max(0, weight) : Number.NaN
}

function sum(weights: readonly number[]): number | undefined {
  let total = 0
  for (const weight of weights) total += weight
  return total > 0 && total <= WEIGHT_SUM_MAX ? total : undefined
}

/** v1 and v2: texts only. Null counts as not given; another value, as in flagd, gives nothing. */
function hashText(value: unknown, frame: Frame): number | undefined {
  if (typeof value === 'string') {
    weigh(value, frame)
    return murmur3(value)
  }
  if (value !== null && value !== undefined) return undefined
  const targetingKey = targetingKeyOf(frame)
  return targetingKey === undefined ? undefined : new Murmur3().add(frame.flagKey).add(targetingKey).finish()
}

/** v3: any value but null and lists, by its CBOR (flagd's decision record "fractional-non-string-rand-units"). */
function hashValue(value: unknown, frame: Frame): number | undefined {
  if (value === null || Array.isArray(value)) return undefined
  const targetingKey = value === undefined ? targetingKeyOf(frame) : undefined
  if (value === undefined && targetingKey === undefined) return undefined
  const bytes = encodeCbor(value ?? [frame.flagKey, targetingKey], PRODUCT_LENGTH_MAX)
  if (bytes === undefined) return undefined
  spend(frame, bytes.length >> 4)
  return murmur3Bytes(bytes, bytes.length)
}

/** Always the caller's, also inside `map` and its like. Empty counts as missing. */
function targetingKeyOf(frame: Frame): string | undefined {
  const { context } = frame
  if (!isRecord(context) || !Object.hasOwn(context, 'targetingKey')) return undefined
  const { targetingKey: key } = context
  if (typeof key !== 'string' || key === '') return undefined
  weigh(key, frame)
  return key
}

/** Which of `total` places a hash of 32 bits falls on: ⌊hash × total ÷ 2^32⌋, exact for a total below 2^31. */
export function placeOf(hash: number, total: number): number {
  // hash × total may exceed 2^53, so it is taken in two halves of 16 bits of the hash, each product below 2^47.
  const high = (hash >>> 16) * total
  const low = (hash & 0xffff) * total
  return Math.floor((high + Math.floor(low / 0x10000)) / 0x10000)
}

/**
 * The index of the share that `hash` falls into, by weights and their sum (above 0); -1 for none.
 * v1 is flagd's before 0.15: percentages as floats, where the two largest hashes fall into no share.
 */
export function pick(hash: number, weights: readonly number[], total: number, bucketing: Bucketing): number {
  return bucketing === 'v1' ? pickPercentage(hash, weights, total) : pickPlace(placeOf(hash, total), weights)
}

function pickPlace(place: number, weights: readonly number[]): number {
  let end = 0
  for (let index = 0; index < weights.length; index += 1) {
    end += weights[index] ?? 0
    if (place < end) return index
  }
  return -1
}

function pickPercentage(hash: number, weights: readonly number[], total: number): number {
  const percentage = (Math.abs(hash | 0) / 2_147_483_647) * 100
  let end = 0
  for (let index = 0; index < weights.length; index += 1) {
    end += (100 * (weights[index] ?? 0)) / total
    if (percentage < end) return index
  }
  return -1
}
