import type { Node } from 'jsonc-parser'
import { VERSION_TESTS } from '../../flag/operators/version.ts'
import { type JsonPath, jsonValueOf } from './text.ts'
import type { ClauseOperator, ClauseView, JsonScalar, TimeView } from './view.ts'

/** An operator with its operands; `isList` if the operands are in brackets. */
export type Call = {
  readonly operator: string
  readonly operands: readonly Node[]
  readonly isList: boolean
}

/** The operator call that a node is; undefined for any other value. */
export function callOf({ type, children = [] }: Node): Call | undefined {
  const [member, ...others] = children
  const [name, written] = member?.children ?? []
  if (type !== 'object' || others.length > 0 || !name || !written) return undefined
  const isList = written.type === 'array'
  return { operator: String(name.value), operands: isList ? (written.children ?? []) : [written], isList }
}

/** The path of an operand of the call at `path`. */
export const operandPath = (path: JsonPath, { operator, isList }: Call, index: number): JsonPath =>
  isList ? [...path, operator, index] : [...path, operator]

export const isScalarNode = ({ type }: Node): boolean => type !== 'object' && type !== 'array'

const scalarOf = ({ value }: Node): JsonScalar => value

type AttributeNode = { readonly attribute: string; readonly fallback: JsonScalar }

/** `{"var": path}`, `{"var": [path]}` and `{"var": [path, default]}` with constants; undefined for any other node. */
export function attributeOf(node: Node): AttributeNode | undefined {
  const call = callOf(node)
  if (call?.operator !== 'var' || call.operands.length > 2 || !call.operands.every(isScalarNode)) return undefined
  const [path, fallback] = call.operands
  if (typeof path?.value !== 'string' || path.value === '') return undefined
  return { attribute: path.value, fallback: fallback ? scalarOf(fallback) : null }
}

/** Each order seen from its other side: 5 < age is age > 5. */
export const MIRRORED: Readonly<Record<string, string>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' }
const ORDER = new Set(['<', '<=', '>', '>='])
const TIMESTAMP = '$flagd.timestamp'
/** The largest time of a JavaScript `Date`, in seconds. */
const SECONDS_MAX = 8.64e12

/** The parts of a clause that its operands decide. */
type Comparison = {
  readonly subject: Node | undefined
  readonly operator: ClauseOperator
  readonly values: readonly JsonScalar[]
  readonly segment?: string
  readonly isReversed?: boolean
}

/** Reads a clause; undefined for any other node. */
export function readClause(node: Node, path: JsonPath): ClauseView | TimeView | undefined {
  const comparison = comparisonOf(node)
  const subject = comparison?.subject && attributeOf(comparison.subject)
  if (!comparison || !subject) return undefined
  const { operator, values, segment, isReversed = false } = comparison
  const clause = { path, ...subject, segment, isReversed }
  const isTime = subject.attribute === TIMESTAMP && subject.fallback === null && isTimeOrder(operator)
  if (isTime && values.every(isSecond)) return { kind: 'time', ...clause, operator, values: values.filter(isSecond) }
  return { kind: 'clause', ...clause, operator, values }
}

const isTimeOrder = (operator: ClauseOperator): operator is TimeView['operator'] =>
  ORDER.has(operator) || operator === 'between' || operator === 'between_inclusive'

const isSecond = (value: JsonScalar): value is number =>
  typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= SECONDS_MAX

/** A bare attribute is true if it is set. */
function comparisonOf(node: Node): Comparison | undefined {
  if (attributeOf(node)) return { subject: node, operator: 'is_set', values: [] }
  const call = callOf(node)
  return call && COMPARISONS.get(call.operator)?.(call.operands, call.operator)
}

type ReadComparison = (operands: readonly Node[], operator: string) => Comparison | undefined

const unary =
  (operator: ClauseOperator): ReadComparison =>
  ([subject, ...others]) =>
    others.length === 0 ? { subject, operator, values: [] } : undefined

const affix: ReadComparison = ([subject, part, ...others], operator) => {
  if (!part || !isScalarNode(part) || others.length > 0) return undefined
  return { subject, operator: operator as ClauseOperator, values: [scalarOf(part)] }
}

const order: ReadComparison = (operands, operator) =>
  operands.length === 3 ? between(operands, operator) : binary(operands, operator)

function binary([first, second, ...others]: readonly Node[], operator: string): Comparison | undefined {
  if (!first || !second || others.length > 0) return undefined
  const isReversed = isScalarNode(first)
  const [subject, constant] = isReversed ? [second, first] : [first, second]
  if (!isScalarNode(constant)) return undefined
  const seen = (isReversed && MIRRORED[operator]) || operator
  return { subject, operator: seen as ClauseOperator, values: [scalarOf(constant)], isReversed }
}

function between([low, subject, high]: readonly Node[], operator: string): Comparison | undefined {
  if (!low || !high || !isScalarNode(low) || !isScalarNode(high)) return undefined
  return { subject, operator: operator === '<' ? 'between' : 'between_inclusive', values: [low, high].map(scalarOf) }
}

function membership([first, second, ...others]: readonly Node[]): Comparison | undefined {
  if (!first || !second || others.length > 0) return undefined
  if (isScalarNode(first)) return { subject: second, operator: 'contains', values: [scalarOf(first)], isReversed: true }
  const segment = segmentOf(second)
  if (segment !== undefined) return { subject: first, operator: 'in_segment', values: [], segment }
  const items = second.children ?? []
  if (second.type !== 'array' || !items.every(isScalarNode)) return undefined
  return { subject: first, operator: 'one_of', values: items.map(scalarOf) }
}

function versionTest([first, test, second, ...others]: readonly Node[]): Comparison | undefined {
  if (!first || !second || typeof test?.value !== 'string' || !VERSION_TESTS.has(test.value) || others.length > 0)
    return undefined
  const isReversed = isScalarNode(first)
  const [subject, version] = isReversed ? [second, first] : [first, second]
  if (!isScalarNode(version)) return undefined
  const seen = (isReversed && MIRRORED[test.value]) || test.value
  return { subject, operator: `sem_ver ${seen}` as ClauseOperator, values: [scalarOf(version)], isReversed }
}

/** Only `<` and `<=` take three operands. */
const COMPARISONS: ReadonlyMap<string, ReadComparison> = new Map<string, ReadComparison>([
  ['!!', unary('is_set')],
  ['!', unary('is_not_set')],
  ...['==', '!=', '===', '!==', '>', '>='].map((operator): [string, ReadComparison] => [operator, binary]),
  ['<', order],
  ['<=', order],
  ['in', membership],
  ['starts_with', affix],
  ['ends_with', affix],
  ['sem_ver', versionTest],
])

/** The name in `{"$ref": name}`; undefined for any other node. */
export function segmentOf(node: Node): string | undefined {
  const { $ref: name } = (node.type === 'object' ? jsonValueOf(node) : {}) as { readonly $ref?: unknown }
  return typeof name === 'string' && node.children?.length === 1 ? name : undefined
}
