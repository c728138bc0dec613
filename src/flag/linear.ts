import { RULE_DEPTH_MAX, RULE_NODES_MAX } from './limits.ts'

type Rules = Readonly<Record<string, unknown>>
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
  readonly #segments: Rules
  #left = VISITS_MAX

  constructor(segments: Rules) {
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
    const written = (value as Rules)[operator]
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
