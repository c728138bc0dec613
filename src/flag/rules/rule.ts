import { type Bucketing, RULE_DEPTH_MAX, RULE_NODES_MAX } from '../definition.ts'
import { shorten } from '../error.ts'
import { all, filter, isIn, map, merge, none, reduce, some } from '../operators/array.ts'
import { fractional } from '../operators/fractional.ts'
import { and, conditional, equality, identity, isTrue, not, or } from '../operators/logic.ts'
import { extreme, minus, order, pair, total } from '../operators/numeric.ts'
import { affix, cat, substr } from '../operators/string.ts'
import { missing, missingSome, variable } from '../operators/variable.ts'
import { semVer } from '../operators/version.ts'
import {
  broken,
  type Compiler,
  constant,
  type Expression,
  isScalar,
  type Operator,
  RuleFault,
  type Segment,
} from './expression.ts'

/** A rule made ready to run, with its size. */
export type CompiledRule = {
  readonly expression: Expression
  readonly nodes: number
  readonly depth: number
  /** False: the context alone decides, so that the same context always gets the same answer. */
  readonly readsClock: boolean
}

/** The segments a rule may refer to; undefined for one that refers, in the end, to itself. */
export type Segments = ReadonlyMap<string, Segment | undefined>

/**
 * Compiles a rule to closures. Unknown operators and segments fail only where an evaluation reaches them.
 * Throws `RuleFault` for a rule that is too deep or too large as a whole.
 */
export function compileRule(rule: unknown, segments: Segments, bucketing: Bucketing): CompiledRule {
  const compiler = new RuleCompiler(segments, bucketing)
  const expression = compiler.compile(rule)
  return { expression, nodes: compiler.nodes, depth: compiler.deepest, readsClock: compiler.readsClock }
}

class RuleCompiler implements Compiler {
  readonly bucketing: Bucketing
  nodes = 0
  deepest = 0
  readsClock = false
  readonly #segments: Segments
  #depth = 0

  constructor(segments: Segments, bucketing: Bucketing) {
    this.#segments = segments
    this.bucketing = bucketing
  }

  compile(rule: unknown): Expression {
    this.#grow(1, 1)
    this.#depth += 1
    const expression = this.#compile(rule)
    this.#depth -= 1
    return expression
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
    if (isScalar(rule)) return constant(rule)
    if (Array.isArray(rule)) return this.#list(rule)
    const [operator, ...others] = Object.keys(rule as object)
    // As in JSONLogic, an object with no key or with several is no rule but data.
    if (operator === undefined || others.length > 0) return constant(rule)
    const written = (rule as Readonly<Record<string, unknown>>)[operator]
    if (operator === '$ref' && typeof written === 'string') return this.#reference(written)
    const compile = OPERATORS.get(operator)
    if (compile === undefined) return broken(`Unknown operator ${shorten(operator)}`)
    return compile(Array.isArray(written) ? written : [written], this, written)
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

/** The values of a plain list; undefined when one of them has to be computed. */
export function membersOf(list: readonly unknown[]): ReadonlySet<unknown> | undefined {
  return list.every(isScalar) ? new Set(list) : undefined
}

/** The segment that `rule` stands for: `{"$ref": name}` and nothing else in it. */
export function referenceOf(rule: unknown): string | undefined {
  if (typeof rule !== 'object' || rule === null || !Object.hasOwn(rule, '$ref')) return undefined
  const name = (rule as { readonly $ref: unknown }).$ref
  return typeof name === 'string' && Object.keys(rule).length === 1 ? name : undefined
}

/** Every operator there is: JSONLogic's (https://jsonlogic.com/operations.html, without `log`) and flagd's four. */
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
  ['==', equality(true)],
  ['!=', equality(false)],
  ['===', identity(true)],
  ['!==', identity(false)],
  ['<', order((left, right) => left < right)],
  ['<=', order((left, right) => left <= right)],
  ['>', order((left, right) => left > right)],
  ['>=', order((left, right) => left >= right)],
  ['+', total(0, (left, right) => left + right)],
  ['*', total(1, (left, right) => left * right)],
  ['-', minus],
  ['/', pair((left, right) => left / right)],
  ['%', pair((left, right) => left % right)],
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
  ['starts_with', affix((text, part) => text.startsWith(part))],
  ['ends_with', affix((text, part) => text.endsWith(part))],
  ['sem_ver', semVer],
  ['fractional', fractional],
])
