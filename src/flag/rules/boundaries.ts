import type { SegmentRules } from '../definition.ts'
import { RULE_DEPTH_MAX, RULE_NODES_MAX } from '../definition.ts'

/**
 * A moment at which a comparison with `$flagd.timestamp` changes: the first whole second at `at`, or after it where `isAfter`;
 * again each `every` seconds, where that is not 0.
 */
export type Moment = { readonly at: number; readonly isAfter: boolean; readonly every: number }
/** A window, in unix seconds, in which the computed weights of a `fractional` change all the time. */
export type Ramp = { readonly from: number; readonly to: number }
/** When time alone changes the answers of a rule. */
export type Boundaries = { readonly moments: readonly Moment[]; readonly ramps: readonly Ramp[] }

export const NO_BOUNDARIES: Boundaries = { moments: [], ramps: [] }
const ORDER = new Set(['<', '<=', '>', '>='])
const EQUALITY = new Set(['==', '===', '!=', '!=='])
/** A shorter cycle counts as one of this length. */
const CYCLE_SECONDS_MIN = 60
/** What a weight is computed by, so that a part that changes with time changes the whole. */
const ARITHMETIC = new Set(['+', '-', '*', '/', 'max', 'min', 'if', '?:', 'and', 'or', '$ref'])
/** A weight that grows or shrinks beside fixed ones never reaches all or nothing; this many times later it has 91 % or 9 %. */
const FIXED_WEIGHTS_FACTOR = 10

/**
 * The boundaries of a rule as written, in it and in the segments that it reaches. What a rule compares the time with must be a number in
 * the rule: an attribute's value is another in each context. Has more boundaries than the rule where an arm of it is never reached.
 */
export function boundariesOf(rule: unknown, segments: Readonly<Record<string, unknown>>): Boundaries {
  const finder = new Finder(new LinearReader(segments))
  finder.walk(rule)
  return finder.found
}

class Finder {
  readonly #reader: LinearReader
  readonly #moments: Moment[] = []
  readonly #ramps: Ramp[] = []

  constructor(reader: LinearReader) {
    this.#reader = reader
  }

  get found(): Boundaries {
    if (this.#reader.isSpent || this.#moments.length + this.#ramps.length === 0) return NO_BOUNDARIES
    return { moments: this.#moments, ramps: this.#ramps }
  }

  /** No recursion: a stored rule may be deeper than any stack. */
  walk(rule: unknown): void {
    const pending: unknown[] = [rule]
    while (pending.length > 0 && !this.#reader.isSpent) {
      const value = pending.pop()
      if (typeof value !== 'object' || value === null) continue
      const node = this.#reader.nodeOf(value)
      if (node) this.#look(node)
      const inner: readonly unknown[] = node?.operands ?? (Array.isArray(value) ? value : [])
      pending.push(...inner.filter((part) => typeof part === 'object'))
    }
  }

  #look({ operator, operands }: Node): void {
    if (operator === 'fractional') this.#weigh(operands.filter(Array.isArray))
    if (!ORDER.has(operator) && !EQUALITY.has(operator)) return
    const [first, second, third] = operands
    this.#compare(operator, first, second)
    if (third !== undefined && ORDER.has(operator)) this.#compare(operator, second, third)
  }

  #compare(operator: string, left: unknown, right: unknown): void {
    const [first, second] = [this.#reader.linearOf(left), this.#reader.linearOf(right)]
    if (!first || !second) return
    const { slope, base, modulus } = plus(first, second, -1)
    if (slope === 0) return
    const [at, every] = [-base / slope, modulus / Math.abs(slope)]
    // A remainder also changes where it begins anew.
    for (const side of [first, second]) if (side.modulus > 0) this.#add(-side.base / side.slope, false, every)
    const isAfter = (operator === '<=' || operator === '>') === slope > 0
    if (ORDER.has(operator)) this.#add(at, isAfter, every)
    else if (Number.isInteger(at)) for (const after of [false, true]) this.#add(at, after, every)
  }

  #add(at: number, isAfter: boolean, length: number): void {
    if (!Number.isFinite(at) || !Number.isFinite(length)) return
    const every = length === 0 ? 0 : Math.max(CYCLE_SECONDS_MIN, length)
    this.#moments.push({ at: every === 0 ? at : at % every, isAfter, every })
  }

  /** A ramp lasts from where the first weight leaves 0 to where the last one reaches it. */
  #weigh(entries: readonly (readonly unknown[])[]): void {
    const moving: Linear[] = []
    let fixed = 0
    for (const [, weight = 1] of entries) {
      if (typeof weight === 'number') fixed += weight
      else this.#collect(weight, moving, 0)
    }
    const [first] = moving
    const zeros = moving.map(({ slope, base }) => -base / slope).filter(Number.isFinite)
    if (first === undefined || zeros.length === 0) return
    const [from, to] = [Math.min(...zeros), Math.max(...zeros)]
    const length = (FIXED_WEIGHTS_FACTOR * fixed) / Math.abs(first.slope)
    if (from < to) this.#ramps.push({ from, to })
    else if (length > 0) this.#ramps.push(first.slope > 0 ? { from, to: from + length } : { from: to - length, to })
  }

  /** The parts of a weight that change with time; of `max` and `min` also where these pass a bound. */
  #collect(weight: unknown, moving: Linear[], depth: number): void {
    const linear = this.#reader.linearOf(weight, depth)
    if (linear) {
      if (linear.slope !== 0 && linear.modulus === 0) moving.push(linear)
      return
    }
    if (this.#reader.isSpent || depth > RULE_DEPTH_MAX) return
    const node = this.#reader.nodeOf(weight)
    if (!node || !ARITHMETIC.has(node.operator)) return
    const inner: Linear[] = []
    for (const operand of node.operands) this.#collect(operand, inner, depth + 1)
    moving.push(...inner)
    if (node.operator === 'max' || node.operator === 'min') moving.push(...this.#overtaken(node.operands, inner))
  }

  /** Where what changes with time passes a number beside it. */
  #overtaken(operands: readonly unknown[], moving: readonly Linear[]): Linear[] {
    const bounds = operands.filter((operand) => typeof operand === 'number')
    return bounds.flatMap((bound) => moving.map((linear) => ({ ...linear, base: linear.base - bound })))
  }
}

/** A number that is `slope * now + base`, `now` in unix seconds; where `modulus` is not 0, the remainder after division by it. */
export type Linear = { readonly slope: number; readonly base: number; readonly modulus: number }
/** An operator and its operands. */
export type Node = { readonly operator: string; readonly operands: readonly unknown[] }

const NOW: Linear = { slope: 1, base: 0, modulus: 0 }
/**
 * Each node is visited once, and again as part of a comparison. A rule that needs more has too many nodes, or segments that lead in a
 * circle: it answers PARSE_ERROR whatever time it is.
 */
const VISITS_MAX = 4 * RULE_NODES_MAX

/** Reads which parts of a rule are linear in time, through the segments that it refers to. */
export class LinearReader {
  readonly #segments: SegmentRules
  #left = VISITS_MAX

  constructor(segments: SegmentRules) {
    this.#segments = segments
  }

  /** True once a rule has taken more visits than a right one can. */
  get isSpent(): boolean {
    return this.#left < 0
  }

  /** The operator that `value` is; `$ref` has the rule of its segment as operand. An object with several keys is data. */
  nodeOf(value: unknown): Node | undefined {
    this.#left -= 1
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    const [operator, ...others] = Object.keys(value)
    if (operator === undefined || others.length > 0) return undefined
    const written = (value as SegmentRules)[operator]
    if (operator !== '$ref') return { operator, operands: Array.isArray(written) ? written : [written] }
    const isKnown = typeof written === 'string' && Object.hasOwn(this.#segments, written)
    return { operator, operands: isKnown ? [this.#segments[written]] : [] }
  }

  /** Undefined for what is not linear in time, or depends on the context. */
  linearOf(value: unknown, depth = 0): Linear | undefined {
    if (typeof value === 'number' || typeof value === 'string') return constantOf(value)
    if (this.isSpent || depth > RULE_DEPTH_MAX) return undefined
    const node = this.nodeOf(value)
    if (node === undefined) return undefined
    if (node.operator === 'var') return isNow(node.operands[0]) ? NOW : undefined
    if (node.operator === '$ref') return this.linearOf(node.operands[0], depth + 1)
    const combine = COMBINE[node.operator]
    if (combine === undefined) return undefined
    const parts = node.operands.map((operand) => this.linearOf(operand, depth + 1))
    return parts.every((part) => part !== undefined && part.modulus === 0) ? combine(parts as Linear[]) : undefined
  }
}

function constantOf(value: number | string): Linear | undefined {
  const base = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value)
  return Number.isFinite(base) ? { slope: 0, base, modulus: 0 } : undefined
}

const isNow = (path: unknown): boolean =>
  typeof path === 'string' &&
  path
    .split('.')
    .filter((step) => step !== '')
    .join('.') === '$flagd.timestamp'

const COMBINE: Readonly<Record<string, (parts: readonly Linear[]) => Linear | undefined>> = {
  '+': ([first, ...others]) => first && others.reduce((sum, part) => plus(sum, part, 1), first),
  '-': ([first, second]) => first && (second ? plus(first, second, -1) : times(first, -1)),
  '*': (parts) => {
    const moving = parts.filter(({ slope }) => slope !== 0)
    const factor = parts.reduce((product, { slope, base }) => (slope === 0 ? product * base : product), 1)
    return moving.length > 1 ? undefined : times(moving[0] ?? { slope: 0, base: 1, modulus: 0 }, factor)
  },
  '/': ([first, second]) => (first && second?.slope === 0 ? times(first, 1 / second.base) : undefined),
  '%': ([first, second]) => (first && second?.slope === 0 ? { ...first, modulus: Math.abs(second.base) } : undefined),
}

/** The sum, or with a `sign` of -1 the difference. */
export const plus = (one: Linear, other: Linear, sign: 1 | -1): Linear => ({
  slope: one.slope + sign * other.slope,
  base: one.base + sign * other.base,
  modulus: one.modulus || other.modulus,
})
const times = ({ slope, base, modulus }: Linear, factor: number): Linear => ({
  slope: slope * factor,
  base: base * factor,
  modulus,
})
