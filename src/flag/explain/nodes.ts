import { isRecord, type SegmentRules } from '../definition.ts'
import { pointerTo } from '../error.ts'
import { parseVersion } from '../operators/version.ts'
import { isScalar, LOOPS, type OperatorCall, operatorCallOf, referenceOf, truthy } from '../rules/expression.ts'
import type { Trace } from './trace.ts'

/** Instead of the value of a node that the evaluation did not reach. */
export const NOT_REACHED = 'not_reached'

/** Why a clause has a value that may surprise. */
export type Note = 'attribute_missing' | 'type_differs' | 'not_a_version' | 'truthy'

/** A part of a condition. `value` is `not_reached` where the evaluation did not need it. */
export type ExplainedNode = { readonly pointer: string; readonly value: unknown } & (
  | { readonly kind: 'all' | 'any' | 'not'; readonly parts: readonly ExplainedNode[] }
  | {
      readonly kind: 'clause'
      readonly operator: string
      readonly attribute: string
      /** The value in the context; null if it has none. */
      readonly actual: unknown
      readonly present: boolean
      /** The constants of the clause: one, or a list of several. */
      readonly expected: unknown
      readonly note?: Note
    }
  | { readonly kind: 'segment'; readonly segment: string }
  | { readonly kind: 'advanced'; readonly operator: string; readonly parts: readonly ExplainedNode[] }
  | { readonly kind: 'constant' }
)

const CLAUSE_OPERATORS = new Set('== != === !== < <= > >= in starts_with ends_with sem_ver !! !'.split(' '))

/** Describes the nodes of a rule with the values of one evaluation. Stops after `nodesMax` nodes. */
export class NodeReader {
  readonly #trace: Trace
  #nodesLeft: number

  constructor(trace: Trace, nodesMax: number) {
    this.#trace = trace
    this.#nodesLeft = nodesMax
  }

  /** Whether nodes were left out. */
  get isTruncated(): boolean {
    return this.#nodesLeft < 0
  }

  /** The value of a node; `not_reached` if the evaluation did not need it. */
  valueOf(node: unknown, isReached: boolean): unknown {
    if (!isReached) return NOT_REACHED
    if (isScalar(node)) return node
    const { values } = this.#trace
    return values.has(node as object) ? (values.get(node as object) ?? null) : NOT_REACHED
  }

  read(node: unknown, pointer: string, isReached: boolean): ExplainedNode {
    this.#nodesLeft -= 1
    const value = this.valueOf(node, isReached)
    const call = operatorCallOf(node)
    if (call === undefined) return { pointer, kind: 'constant', value: isScalar(node) ? value : node }
    const segment = referenceOf(node)
    if (segment !== undefined) return { pointer, kind: 'segment', segment, value }
    const { operator } = call
    if (operator === 'and' || operator === 'or')
      return { pointer, kind: operator === 'and' ? 'all' : 'any', value, parts: this.#parts(call, pointer, isReached) }
    const clause = this.#clause(call, pointer, value)
    if (clause) return clause
    const parts = LOOPS.has(operator) ? [] : this.#parts(call, pointer, isReached)
    return operator === '!'
      ? { pointer, kind: 'not', value, parts }
      : { pointer, kind: 'advanced', operator, value, parts }
  }

  /** `and` and `or` stop at the operand that decides them, also at a constant, which has no recorded value. */
  #parts({ operator, operands, written }: OperatorCall, pointer: string, isReached: boolean): ExplainedNode[] {
    const parts: ExplainedNode[] = []
    let isNext = isReached
    for (const [place, operand] of operands.entries()) {
      if (this.#nodesLeft <= 0) {
        this.#nodesLeft = -1
        break
      }
      const inner = Array.isArray(written) ? pointerTo(operator, String(place)) : pointerTo(operator)
      parts.push(this.read(operand, pointer + inner, isNext))
      if (isNext && (operator === 'and' || operator === 'or')) {
        const value = this.valueOf(operand, true)
        isNext = value !== NOT_REACHED && truthy(value) === (operator === 'and')
      }
    }
    return parts
  }

  /** A comparison of one attribute with constants. */
  #clause({ operator, operands }: OperatorCall, pointer: string, value: unknown): ExplainedNode | undefined {
    if (!CLAUSE_OPERATORS.has(operator)) return undefined
    const attributes = operands.filter((operand) => attributeOf(operand) !== undefined)
    const others = operands.filter((operand) => attributeOf(operand) === undefined)
    const [node] = attributes
    if (attributes.length !== 1 || !others.every(isConstant)) return undefined
    const attribute = attributeOf(node) ?? ''
    const reached = value !== NOT_REACHED
    const actual = reached ? this.valueOf(node, true) : null
    const expected = others.length > 1 ? others : (others[0] ?? null)
    const note = reached ? noteOf(operator, actual, others) : undefined
    const clause = {
      pointer,
      kind: 'clause',
      operator,
      attribute,
      actual,
      present: actual !== null,
      expected,
      value,
    } as const
    return note === undefined ? clause : { ...clause, note }
  }
}

const isConstant = (operand: unknown): boolean =>
  isScalar(operand) || referenceOf(operand) !== undefined || (Array.isArray(operand) && operand.every(isScalar))

function noteOf(operator: string, actual: unknown, expected: readonly unknown[]): Note | undefined {
  if (actual === null) return 'attribute_missing'
  if (operator === '!' || operator === '!!') return 'truthy'
  // An object or list has no text for certain: its member "toString" may be data.
  if (operator === 'sem_ver')
    return isScalar(actual) && parseVersion(String(actual)) !== undefined ? undefined : 'not_a_version'
  const [first] = expected
  const isSame = isScalar(first) ? typeof actual === typeof first : true
  return isSame || first === null ? undefined : 'type_differs'
}

/** The path of `{"var": path}` or `{"var": [path, default]}`; undefined for any other value. */
export function attributeOf(node: unknown): string | undefined {
  const call = operatorCallOf(node)
  if (call?.operator !== 'var' || call.operands.length > 2) return undefined
  const [path, fallback = null] = call.operands
  return typeof path === 'string' && path !== '' && isScalar(fallback) ? path : undefined
}

/** The attributes that an evaluation read, and those of them that the context does not have. */
export function attributesRead({ values }: Trace): { readonly used: string[]; readonly missing: string[] } {
  const used = new Set<string>()
  const missing = new Set<string>()
  for (const [node, value] of values) {
    const attribute = attributeOf(node)
    if (attribute === undefined || attribute.startsWith('$flagd')) continue
    used.add(attribute)
    if (value === null || value === undefined) missing.add(attribute)
  }
  return { used: [...used], missing: [...missing] }
}

/** The values of the segments that a rule reaches, with their place in a flagd document. */
export function segmentsOf(
  segments: SegmentRules,
  reader: NodeReader,
): Readonly<Record<string, { readonly pointer: string; readonly value: unknown }>> {
  return Object.fromEntries(
    Object.entries(segments).map(([name, rule]) => [
      name,
      { pointer: pointerTo('$evaluators', name), value: isRecord(rule) ? reader.valueOf(rule, true) : rule },
    ]),
  )
}
