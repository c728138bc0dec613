import { RULE_DEPTH_MAX, RULE_NODES_MAX, type SegmentRules } from '../definition.ts'
import { stepsOf } from '../operators/variable.ts'
import { type OperatorCall, operatorCallOf } from './expression.ts'

/**
 * A moment at which a comparison with `$flagd.timestamp` changes: the first whole second at or after `at`, or after `at` if
 * `isAfter`. Repeats each `every` seconds; 0: once.
 */
export type Moment = { readonly at: number; readonly isAfter: boolean; readonly every: number }
/** A period, in unix seconds, in which the computed weights of a `fractional` change continuously. */
export type Ramp = { readonly from: number; readonly to: number }
/** When time alone changes the value of a rule. */
export type Boundaries = { readonly moments: readonly Moment[]; readonly ramps: readonly Ramp[] }

export const NO_BOUNDARIES: Boundaries = { moments: [], ramps: [] }
const ORDER = new Set(['<', '<=', '>', '>='])
const EQUALITY = new Set(['==', '===', '!=', '!=='])
/** Shorter cycles are treated as cycles of this length. */
const CYCLE_SECONDS_MIN = 60
/** Operators whose value changes continuously with a changing operand. */
const CONTINUOUS = new Set(['+', '-', '*', '/', 'max', 'min', 'if', '?:', 'and', 'or', '$ref'])
/** A changing weight beside fixed ones never reaches all or nothing; a ramp ends when it has 91 % or 9 %. */
const FIXED_WEIGHTS_FACTOR = 10

/**
 * The boundaries of a rule as written and of the segments it reaches. Only comparisons with numbers in the rule count: the
 * value of an attribute depends on the context. Branches that are never taken count as well.
 */
export function boundariesOf(rule: unknown, segments: SegmentRules): Boundaries {
  const finder = new BoundaryFinder(new LinearReader(segments))
  finder.walk(rule)
  return finder.found
}

class BoundaryFinder {
  readonly #reader: LinearReader
  readonly #moments: Moment[] = []
  readonly #ramps: Ramp[] = []

  constructor(reader: LinearReader) {
    this.#reader = reader
  }

  get found(): Boundaries {
    if (this.#reader.isExhausted || this.#moments.length + this.#ramps.length === 0) return NO_BOUNDARIES
    return { moments: this.#moments, ramps: this.#ramps }
  }

  /** Not recursive, because a stored rule may nest deeper than the call stack. */
  walk(rule: unknown): void {
    const pending: unknown[] = [rule]
    while (pending.length > 0 && !this.#reader.isExhausted) {
      const value = pending.pop()
      if (typeof value !== 'object' || value === null) continue
      const call = this.#reader.callOf(value)
      if (call) this.#inspect(call)
      const inner: readonly unknown[] = call?.operands ?? (Array.isArray(value) ? value : [])
      pending.push(...inner.filter((part) => typeof part === 'object'))
    }
  }

  #inspect({ operator, operands }: ResolvedCall): void {
    if (operator === 'fractional') this.#addRamp(operands.filter(Array.isArray))
    if (!ORDER.has(operator) && !EQUALITY.has(operator)) return
    const [first, second, third] = operands
    this.#addComparison(operator, first, second)
    if (third !== undefined && ORDER.has(operator)) this.#addComparison(operator, second, third)
  }

  #addComparison(operator: string, left: unknown, right: unknown): void {
    const [first, second] = [this.#reader.linearOf(left), this.#reader.linearOf(right)]
    if (!first || !second) return
    const { slope, base, modulus } = plus(first, second, -1)
    if (slope === 0) return
    const [at, every] = [-base / slope, modulus / Math.abs(slope)]
    // A remainder also changes where it wraps around to 0.
    for (const side of [first, second]) if (side.modulus > 0) this.#addMoment(-side.base / side.slope, false, every)
    const isAfter = (operator === '<=' || operator === '>') === slope > 0
    if (ORDER.has(operator)) this.#addMoment(at, isAfter, every)
    else if (Number.isInteger(at)) for (const after of [false, true]) this.#addMoment(at, after, every)
  }

  #addMoment(at: number, isAfter: boolean, length: number): void {
    if (!Number.isFinite(at) || !Number.isFinite(length)) return
    const every = length === 0 ? 0 : Math.max(CYCLE_SECONDS_MIN, length)
    this.#moments.push({ at: every === 0 ? at : at % every, isAfter, every })
  }

  /** A ramp begins when the first changing weight leaves 0 and ends when the last one reaches 0. */
  #addRamp(entries: readonly (readonly unknown[])[]): void {
    const changing: Linear[] = []
    let fixed = 0
    for (const [, weight = 1] of entries) {
      if (typeof weight === 'number') fixed += weight
      else this.#collectChanging(weight, changing, 0)
    }
    const [first] = changing
    const zeros = changing.map(({ slope, base }) => -base / slope).filter(Number.isFinite)
    if (first === undefined || zeros.length === 0) return
    const [from, to] = [Math.min(...zeros), Math.max(...zeros)]
    const length = (FIXED_WEIGHTS_FACTOR * fixed) / Math.abs(first.slope)
    if (from < to) this.#ramps.push({ from, to })
    else if (length > 0) this.#ramps.push(first.slope > 0 ? { from, to: from + length } : { from: to - length, to })
  }

  /** Collects the parts of a weight that change with time; of `max` and `min` also where these pass a constant. */
  #collectChanging(weight: unknown, changing: Linear[], depth: number): void {
    const linear = this.#reader.linearOf(weight, depth)
    if (linear) {
      if (linear.slope !== 0 && linear.modulus === 0) changing.push(linear)
      return
    }
    if (this.#reader.isExhausted || depth > RULE_DEPTH_MAX) return
    const call = this.#reader.callOf(weight)
    if (!call || !CONTINUOUS.has(call.operator)) return
    const inner: Linear[] = []
    for (const operand of call.operands) this.#collectChanging(operand, inner, depth + 1)
    changing.push(...inner)
    if (call.operator !== 'max' && call.operator !== 'min') return
    const constants = call.operands.filter((operand) => typeof operand === 'number')
    for (const bound of constants) changing.push(...inner.map((part) => ({ ...part, base: part.base - bound })))
  }
}

/** A number that is `slope * now + base`, `now` in unix seconds; with a `modulus` other than 0, the remainder after division by it. */
type Linear = { readonly slope: number; readonly base: number; readonly modulus: number }
type ResolvedCall = Pick<OperatorCall, 'operator' | 'operands'>

const NOW: Linear = { slope: 1, base: 0, modulus: 0 }
/** Each node is read once, and again as part of a comparison. A rule that needs more exceeds a limit and answers PARSE_ERROR at any time. */
const READS_MAX = 4 * RULE_NODES_MAX

/** Finds the parts of a rule that are linear in time, also in segments. */
class LinearReader {
  readonly #segments: SegmentRules
  #readsLeft = READS_MAX

  constructor(segments: SegmentRules) {
    this.#segments = segments
  }

  /** True once a rule has needed more reads than a valid rule can. */
  get isExhausted(): boolean {
    return this.#readsLeft < 0
  }

  /** The operator call that `value` is. The operand of `$ref` is the rule of the segment. */
  callOf(value: unknown): ResolvedCall | undefined {
    this.#readsLeft -= 1
    const call = operatorCallOf(value)
    if (call?.operator !== '$ref') return call
    const { operator, written: name } = call
    const isKnown = typeof name === 'string' && Object.hasOwn(this.#segments, name)
    return { operator, operands: isKnown ? [this.#segments[name]] : [] }
  }

  /** Undefined for a value that is not linear in time, or depends on the context. */
  linearOf(value: unknown, depth = 0): Linear | undefined {
    if (typeof value === 'number' || typeof value === 'string') return constantOf(value)
    if (this.isExhausted || depth > RULE_DEPTH_MAX) return undefined
    const call = this.callOf(value)
    if (call === undefined) return undefined
    const [first] = call.operands
    if (call.operator === 'var') return isTimestamp(first) ? NOW : undefined
    if (call.operator === '$ref') return this.linearOf(first, depth + 1)
    const combine = COMBINE[call.operator]
    if (combine === undefined) return undefined
    const parts = call.operands.map((operand) => this.linearOf(operand, depth + 1))
    return parts.every((part) => part !== undefined && part.modulus === 0) ? combine(parts as Linear[]) : undefined
  }
}

function constantOf(value: number | string): Linear | undefined {
  const base = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value)
  return Number.isFinite(base) ? { slope: 0, base, modulus: 0 } : undefined
}

const isTimestamp = (path: unknown): boolean =>
  typeof path === 'string' && stepsOf(path).join('.') === '$flagd.timestamp'

const COMBINE: Readonly<Record<string, (parts: readonly Linear[]) => Linear | undefined>> = {
  '+': ([first, ...others]) => first && others.reduce((sum, part) => plus(sum, part, 1), first),
  '-': ([first, second]) => first && (second ? plus(first, second, -1) : times(first, -1)),
  '*': (parts) => {
    const changing = parts.filter(({ slope }) => slope !== 0)
    const factor = parts.reduce((product, { slope, base }) => (slope === 0 ? product * base : product), 1)
    return changing.length > 1 ? undefined : times(changing[0] ?? { slope: 0, base: 1, modulus: 0 }, factor)
  },
  '/': ([first, second]) => (first && second?.slope === 0 ? times(first, 1 / second.base) : undefined),
  '%': ([first, second]) => (first && second?.slope === 0 ? { ...first, modulus: Math.abs(second.base) } : undefined),
}

/** The sum, or with `sign` −1 the difference. */
const plus = (one: Linear, other: Linear, sign: 1 | -1): Linear => ({
  slope: one.slope + sign * other.slope,
  base: one.base + sign * other.base,
  modulus: one.modulus || other.modulus,
})
const times = ({ slope, base, modulus }: Linear, factor: number): Linear => ({
  slope: slope * factor,
  base: base * factor,
  modulus,
})
