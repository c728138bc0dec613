import { type Bucketing, isRecord, PRODUCT_LENGTH_MAX, WEIGHT_SUM_MAX } from '../definition.ts'
import {
  type Compiler,
  type EvaluationFrame,
  type Expression,
  isScalar,
  type Operator,
  operatorCallOf,
  spend,
  spendText,
  toText,
} from '../rules/expression.ts'
import { writeCbor, writeJoined, writeTexts } from './cbor.ts'
import { Murmur3, murmur3 } from './murmur3.ts'

/** Hashes a bucketing value; of undefined, hashes the flag key and the targeting key. Undefined if there is no hash. */
type HashValue = (value: unknown, frame: EvaluationFrame) => number | undefined
/** Computes the hash of one evaluation. */
type HashExpression = (data: unknown, frame: EvaluationFrame) => number | undefined
type Bucket = { readonly variant: Expression; readonly weight: Expression }

/**
 * `fractional`: a variant by weight, always the same one for the same bucketing value (flagd's fractional.go).
 * `[value, [variant, weight], …]`; without the value, flag key and targeting key are the bucketing value. Null if invalid.
 */
export const fractional: Operator = (operands, compiler) => {
  const { bucketing } = compiler
  const hasValue = operands.length > 0 && !Array.isArray(operands[0])
  const entries = hasValue ? operands.slice(1) : operands
  if (!entries.every(isEntry)) return distributeComputed(operands, compiler)
  const hash = hasValue ? compileHash(operands[0], compiler) : hashOf(compiler)
  const buckets = entries.map(([variant, weight = 1]) => ({
    variant: compiler.compile(variant),
    weight: compiler.compile(weight),
  }))
  if (!entries.every(([, weight]) => isScalar(weight))) return distribute(buckets, hash, bucketing)
  const weights = entries.map(([, weight]) => toWeight(weight))
  return distributeConstant(buckets, weights, hash, bucketing)
}

export const hashValueBy = (bucketing: Bucketing): HashValue => (bucketing === 'v3' ? hashAny : hashText)

function hashOf({ bucketing }: Compiler): HashExpression {
  const hash = hashValueBy(bucketing)
  return (_, frame) => hash(undefined, frame)
}

function compileHash(rule: unknown, compiler: Compiler): HashExpression {
  const call = operatorCallOf(rule)
  if (call?.operator === 'cat' && Array.isArray(call.written)) return compileCatHash(call.written, compiler)
  const hash = hashValueBy(compiler.bucketing)
  const value = compiler.compile(rule)
  return (data, frame) => hash(value(data, frame), frame)
}

/** Hashes the value that flagd's documentation recommends, {"cat": [flag key, attribute]}, without joining the texts. */
function compileCatHash(operands: readonly unknown[], compiler: Compiler): HashExpression {
  const parts = operands.map((operand) => textOf(compiler.compile(operand)))
  if (compiler.bucketing === 'v3')
    return (data, frame) => {
      const texts: string[] = []
      for (let index = 0; index < parts.length; index += 1) texts.push(parts[index]?.(data, frame) ?? '')
      const hash = new Murmur3()
      writeJoined(hash, texts)
      return hash.finish()
    }
  return (data, frame) => {
    const hash = new Murmur3()
    for (let index = 0; index < parts.length; index += 1) hash.add(parts[index]?.(data, frame) ?? '')
    return hash.finish()
  }
}

function textOf(part: Expression): (data: unknown, frame: EvaluationFrame) => string {
  return (data, frame) => {
    const text = toText(part(data, frame), frame)
    spendText(text, frame)
    return text
  }
}

export function isEntry(operand: unknown): operand is readonly unknown[] {
  return Array.isArray(operand) && operand.length > 0
}

/** Constant weights are checked and summed once, at compile time. */
function distributeConstant(
  buckets: readonly Bucket[],
  weights: readonly number[],
  hash: HashExpression,
  bucketing: Bucketing,
): Expression {
  const total = sumOf(weights)
  if (total === undefined) return () => null
  return (data, frame) => {
    const hashed = hash(data, frame)
    if (hashed === undefined) return null
    return toVariant(buckets[pick(hashed, weights, total, bucketing)]?.variant(data, frame))
  }
}

function distribute(buckets: readonly Bucket[], hash: HashExpression, bucketing: Bucketing): Expression {
  return (data, frame) => {
    const hashed = hash(data, frame)
    if (hashed === undefined) return null
    const weights = buckets.map(({ weight }) => toWeight(weight(data, frame)))
    const total = sumOf(weights)
    return total === undefined
      ? null
      : toVariant(buckets[pick(hashed, weights, total, bucketing)]?.variant(data, frame))
  }
}

/** For entries that are rules: each evaluation decides whether the first one is a bucketing value. */
function distributeComputed(operands: readonly unknown[], compiler: Compiler): Expression {
  const { bucketing } = compiler
  const hash = hashValueBy(bucketing)
  const expressions = operands.map((operand) => compiler.compile(operand))
  return (data, frame) => {
    const values = expressions.map((expression) => expression(data, frame))
    const hasValue = !Array.isArray(values[0])
    const entries = hasValue ? values.slice(1) : values
    if (!entries.every(isEntry)) return null
    spend(frame, entries.length)
    const weights = entries.map(([, weight]) => toWeight(weight))
    const total = sumOf(weights)
    const hashed = hash(hasValue ? values[0] : undefined, frame)
    if (total === undefined || hashed === undefined) return null
    return toVariant(entries[pick(hashed, weights, total, bucketing)]?.[0])
  }
}

function toVariant(value: unknown): unknown {
  return isScalar(value) ? (value ?? null) : null
}

/** A whole number; 1 if missing, 0 if negative. NaN for anything else, which makes the sum invalid. */
export function toWeight(weight: unknown): number {
  if (weight === null || weight === undefined) return 1
  return typeof weight === 'number' && Number.isInteger(weight) ? Math.max(0, weight) : Number.NaN
}

/** The sum of weights; undefined if one of them or the sum is invalid. */
export function sumOf(weights: readonly number[]): number | undefined {
  let total = 0
  for (const weight of weights) total += weight
  return total > 0 && total <= WEIGHT_SUM_MAX ? total : undefined
}

/** v1 and v2 hash texts. Null counts as not given; other values have no hash, as in flagd. */
function hashText(value: unknown, frame: EvaluationFrame): number | undefined {
  if (typeof value === 'string') {
    spendText(value, frame)
    return murmur3(value)
  }
  if (value !== null && value !== undefined) return undefined
  const targetingKey = targetingKeyOf(frame)
  return targetingKey === undefined ? undefined : new Murmur3().add(frame.flagKey).add(targetingKey).finish()
}

/** v3 hashes the CBOR of any value but null and lists (flagd's decision record "fractional-non-string-rand-units"). */
function hashAny(value: unknown, frame: EvaluationFrame): number | undefined {
  if (value === null || Array.isArray(value)) return undefined
  const hash = new Murmur3()
  if (value !== undefined) {
    if (!writeCbor(hash, value, PRODUCT_LENGTH_MAX)) return undefined
  } else {
    const targetingKey = targetingKeyOf(frame)
    if (targetingKey === undefined) return undefined
    writeTexts(hash, frame.flagKey, targetingKey)
  }
  spend(frame, hash.size >> 4)
  return hash.finish()
}

/** The targeting key of the caller's context, also inside loops. Empty counts as missing. */
function targetingKeyOf(frame: EvaluationFrame): string | undefined {
  const { context } = frame
  if (!isRecord(context) || !Object.hasOwn(context, 'targetingKey')) return undefined
  const { targetingKey: key } = context
  if (typeof key !== 'string' || key === '') return undefined
  spendText(key, frame)
  return key
}

/**
 * The index of the bucket that a 32-bit `hash` falls into, by weights and their sum (above 0); -1 for none.
 * v1 is flagd's method before 0.15: percentages as floats, in which the two largest hashes fall into no bucket.
 */
export function pick(hash: number, weights: readonly number[], total: number, bucketing: Bucketing): number {
  const isPercentage = bucketing === 'v1'
  const place = isPercentage ? (Math.abs(hash | 0) / 2_147_483_647) * 100 : placeOf(hash, total)
  let end = 0
  for (let index = 0; index < weights.length; index += 1) {
    const weight = weights[index] ?? 0
    end += isPercentage ? (100 * weight) / total : weight
    if (place < end) return index
  }
  return -1
}

/** Scales a 32-bit hash to 0 … total − 1: ⌊hash × total ÷ 2^32⌋, exact for a total below 2^31. */
export function placeOf(hash: number, total: number): number {
  // hash × total may exceed 2^53, so the two 16-bit halves of the hash are multiplied separately, each below 2^47.
  const high = (hash >>> 16) * total
  const low = (hash & 0xffff) * total
  return Math.floor((high + Math.floor(low / 0x10000)) / 0x10000)
}
