import { type Bucketing, RULE_DEPTH_MAX, RULE_NODES_MAX } from '../definition.ts'
import { shorten } from '../error.ts'
import { all, filter, isIn, map, merge, none, reduce, some } from '../operators/array.ts'
import { fractional } from '../operators/fractional.ts'
import { and, conditional, equality, isTrue, looselyEqual, not, or, strictlyEqual } from '../operators/logic.ts'
import { arithmetic, extreme, minus, order, total } from '../operators/numeric.ts'
import { cat, endsWith, startsWith, substr } from '../operators/string.ts'
import { missing, missingSome, variable } from '../operators/variable.ts'
import { semVer } from '../operators/version.ts'
import {
  broken,
  type Compiler,
  constant,
  type Expression,
  isScalar,
  type Operator,
  operatorCallOf,
  RuleFault,
  referenceOf,
} from './expression.ts'

/** JSONLogic's operators (https://jsonlogic.com/operations.html, without `log`) and the four of flagd. */
export const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['var', variable],
  ['missing', missing],
  ['missing_some', missingSome],
  ['if', conditional],
  ['?:', conditional],
  ['and', and],
  ['or', or],
  ['!', not],
  ['!!', isTrue],
  ['==', equality(looselyEqual, true)],
  ['!=', equality(looselyEqual, false)],
  ['===', equality(strictlyEqual, true)],
  ['!==', equality(strictlyEqual, false)],
  ['<', order((left, right) => left < right)],
  ['<=', order((left, right) => left <= right)],
  ['>', order((left, right) => left > right)],
  ['>=', order((left, right) => left >= right)],
  ['+', total(0, (left, right) => left + right)],
  ['*', total(1, (left, right) => left * right)],
  ['-', minus],
  ['/', arithmetic((left, right) => left / right)],
  ['%', arithmetic((left, right) => left % right)],
  ['max', extreme(Math.max)],
  ['min', extreme(Math.min)],
  ['map', map],
  ['filter', filter],
  ['reduce', reduce],
  ['all', all],
  ['some', some],
  ['none', none],
  ['merge', merge],
  ['in', isIn],
  ['cat', cat],
  ['substr', substr],
  ['starts_with', startsWith],
  ['ends_with', endsWith],
  ['sem_ver', semVer],
  ['fractional', fractional],
])

/** A compiled rule and its size. */
export type CompiledRule = {
  readonly expression: Expression
  readonly nodes: number
  readonly depth: number
  /** Whether the value may depend on the time as well as on the context. */
  readonly readsClock: boolean
}

/** A shared rule (flagd's `$evaluators`), compiled once for all flags that refer to it. */
export type Segment = CompiledRule & {
  /** The values of a segment that is a list of constants, for `in`. */
  readonly members: ReadonlySet<unknown> | undefined
  /** Set when the segment exceeds a limit. Each rule that refers to it has the same fault. */
  readonly fault: RuleFault | undefined
}

/** The segments that a rule may refer to, by name. Undefined for a segment that refers to itself, directly or through others. */
export type Segments = ReadonlyMap<string, Segment | undefined>

/** Replaces the compiled form of a node that is not a constant, for example to record its value. */
export type Instrument = (rule: object, expression: Expression) => Expression

/** What a rule is compiled with. */
export type RuleScope = {
  readonly segments: Segments
  readonly bucketing: Bucketing
  /** Undefined in the service's own evaluations. */
  readonly instrument?: Instrument | undefined
}

/**
 * Compiles a rule to closures. An unknown operator or segment throws only when an evaluation reaches it.
 * Throws `RuleFault` for a rule that exceeds a limit, with its segments.
 */
export function compileRule(rule: unknown, scope: RuleScope): CompiledRule {
  const compiler = new RuleCompiler(scope)
  const expression = compiler.compile(rule)
  return { expression, nodes: compiler.nodes, depth: compiler.deepest, readsClock: compiler.readsClock }
}

class RuleCompiler implements Compiler {
  readonly bucketing: Bucketing
  nodes = 0
  deepest = 0
  readsClock = false
  readonly #segments: Segments
  readonly #instrument: Instrument | undefined
  #depth = 0

  constructor({ segments, bucketing, instrument }: RuleScope) {
    this.#segments = segments
    this.bucketing = bucketing
    this.#instrument = instrument
  }

  compile(rule: unknown): Expression {
    this.#grow(1, 1)
    this.#depth += 1
    const expression = this.#compile(rule)
    this.#depth -= 1
    return this.#instrument && typeof rule === 'object' && rule !== null
      ? this.#instrument(rule, expression)
      : expression
  }

  noteClock(): void {
    this.readsClock = true
  }

  members(rule: unknown): ReadonlySet<unknown> | undefined {
    if (Array.isArray(rule)) return membersOf(rule)
    const name = referenceOf(rule)
    return name === undefined ? undefined : this.#segments.get(name)?.members
  }

  #compile(rule: unknown): Expression {
    if (Array.isArray(rule)) return this.#list(rule)
    const call = operatorCallOf(rule)
    if (call === undefined) return constant(rule)
    const { operator, operands, written } = call
    if (operator === '$ref' && typeof written === 'string') return this.#reference(written)
    return OPERATORS.get(operator)?.(operands, this, written) ?? broken(`Unknown operator ${shorten(operator)}`)
  }

  #list(items: readonly unknown[]): Expression {
    if (items.every(isScalar)) return constant(items)
    const parts = items.map((item) => this.compile(item))
    return (data, frame) => parts.map((part) => part(data, frame))
  }

  #reference(name: string): Expression {
    const segment = this.#segments.get(name)
    if (segment?.fault !== undefined) throw segment.fault
    if (segment !== undefined) {
      this.#grow(segment.nodes, segment.depth)
      if (segment.readsClock) this.noteClock()
      return segment.expression
    }
    if (this.#segments.has(name)) return broken(`Segment ${shorten(name)} leads back to itself`)
    return broken(`Unknown segment ${shorten(name)}`)
  }

  #grow(nodes: number, depth: number): void {
    this.nodes += nodes
    this.deepest = Math.max(this.deepest, this.#depth + depth)
    if (this.deepest > RULE_DEPTH_MAX) throw new RuleFault('PARSE_ERROR', `Rule nests deeper than ${RULE_DEPTH_MAX}`)
    if (this.nodes > RULE_NODES_MAX) throw new RuleFault('PARSE_ERROR', `Rule has more than ${RULE_NODES_MAX} nodes`)
  }
}

/** The values of a list of constants; undefined if an item is not a constant. */
export function membersOf(list: readonly unknown[]): ReadonlySet<unknown> | undefined {
  return list.every(isScalar) ? new Set(list) : undefined
}
