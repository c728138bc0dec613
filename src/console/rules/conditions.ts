import type { Node } from 'jsonc-parser'
import { parseVersion } from '../../flag/operators/version.ts'
import { attributeOf, callOf, isScalarNode, MIRRORED, readClause } from './clauses.ts'
import { nodeIn, replace } from './edits.ts'
import { insertItems, operandList, removeItems, replaceNode, unwrapNode, wrapNode } from './splice.ts'
import { type JsonPath, jsonValueOf, sourceOf, type TextEdit } from './text.ts'
import type { ClauseOperator, ClauseView, JsonScalar, TimeView } from './view.ts'

/** A clause without its place. */
type NewClause = {
  readonly attribute: string
  readonly operator: ClauseOperator
  readonly values: readonly JsonScalar[]
  readonly segment?: string | undefined
}

/** A new clause as JSON. */
export function clauseValue({ attribute, ...clause }: NewClause): unknown {
  return callFor({ var: attribute }, clause)
}

function callFor(subject: unknown, { operator, values, segment }: Omit<NewClause, 'attribute'>): unknown {
  const [first = '', second = first] = values
  if (isVersionTest(operator)) return { sem_ver: [subject, operator.slice(VERSION.length), first] }
  switch (operator) {
    case 'between':
      return { '<': [first, subject, second] }
    case 'between_inclusive':
      return { '<=': [first, subject, second] }
    case 'one_of':
      return { in: [subject, values] }
    case 'in_segment':
      return { in: [subject, { $ref: segment }] }
    case 'contains':
      return { in: [first, subject] }
    case 'is_set':
      return { '!!': [subject] }
    case 'is_not_set':
      return { '!': [subject] }
    default:
      return { [operator]: [subject, first] }
  }
}

/** Adds a clause to the condition at a path: to a group, or in an `and` with what is there. A constant is replaced. */
export function addClause(text: string, path: JsonPath, clause: unknown): TextEdit[] {
  const node = nodeIn(text, path)
  if (isScalarNode(node)) return [replaceNode(text, node, { value: clause })]
  const group = groupAt(node)
  if (group) return [insertItems(text, group.list, group.operands.length, [{ value: clause }])]
  return [wrapNode(text, node, 'and', { after: [clause] })]
}

/** Removes a condition from its group. A group or `not` that is empty then is removed too; a rule then never matches. */
export function removeClause(text: string, path: JsonPath): TextEdit[] {
  const step = path.at(-1)
  if (step === undefined) return replace(text, path, false)
  const outer = typeof step === 'number' ? path.slice(0, -1) : path
  const operator = outer.at(-1)
  if (operator === '!') return removeClause(text, outer.slice(0, -1))
  if (operator !== 'and' && operator !== 'or') return replace(text, path, false)
  const list = nodeIn(text, outer)
  if ((list.children ?? []).length === 1) return removeClause(text, outer.slice(0, -1))
  return [removeItems(list, Number(step))]
}

/** Puts a condition into a group of its own, or negates it. */
export function wrap(text: string, path: JsonPath, operator: 'and' | 'or' | 'not'): TextEdit[] {
  const node = nodeIn(text, path)
  if (operator !== 'not') return [wrapNode(text, node, operator, {})]
  return [replaceNode(text, node, { source: `{ "!": ${sourceOf(text, node)} }` })]
}

/** Removes a `not`, or a group of one condition, around its condition; a group in one of the same operator is merged into it. */
export function unwrap(text: string, path: JsonPath): TextEdit[] {
  const node = nodeIn(text, path)
  const call = callOf(node)
  const [inner, ...others] = call?.operands ?? []
  if (call === undefined || inner === undefined || !['!', 'and', 'or'].includes(call.operator))
    throw new RangeError(`Cannot unwrap /${path.join('/')}: it is no group and no "not"`)
  if (others.length === 0) return [unwrapNode(text, node, inner)]
  if (path.at(-2) !== call.operator)
    throw new RangeError(`Cannot unwrap /${path.join('/')}: it has ${others.length + 1} conditions`)
  const start = inner.offset
  const end = others.at(-1) ?? inner
  return [replaceNode(text, node, { source: text.slice(start, end.offset + end.length) })]
}

/** Changes `and` to `or` or back. */
export function setGroup(text: string, path: JsonPath, operator: 'and' | 'or'): TextEdit[] {
  return [renameOperator(nodeIn(text, path), operator)]
}

/** Sets the attribute that a clause compares. */
export function setAttribute(text: string, path: JsonPath, attribute: string): TextEdit[] {
  const { subject } = clauseAt(text, path)
  const name = callOf(subject)?.operands[0]
  return name ? [replaceNode(text, name, { value: attribute })] : []
}

/** Sets the values that a clause compares with: as many as its operator takes. Values that stay are not touched. */
export function setValues(text: string, path: JsonPath, values: readonly JsonScalar[]): TextEdit[] {
  const { view, constants } = clauseAt(text, path)
  if (view.operator === 'one_of') {
    const [list] = constants
    return list ? [replaceNode(text, list, { value: values })] : []
  }
  const places = isVersionTest(view.operator) ? constants.filter((_, index) => index !== testPlace(view)) : constants
  return places.flatMap((place, index) => {
    const value = values[index]
    return value === undefined || value === place.value ? [] : [replaceNode(text, place, { value })]
  })
}

/** Sets how a clause compares. Operands keep their order and form where the new operator takes them so. */
export function setOperator(text: string, path: JsonPath, operator: ClauseOperator, segment?: string): TextEdit[] {
  const clause = clauseAt(text, path)
  if (clause.view.operator === operator) return []
  const values = valuesFor(operator, clause.view.values)
  const isSame = values.every((value, index) => value === clause.view.values[index])
  const renamed = isSame ? renamedOperator(clause, operator) : undefined
  const value = () => callFor(jsonValueOf(clause.subject), { operator, values, segment })
  return [renamed ?? replaceNode(text, clause.node, { value: value() })]
}

/** The edit for an operator that takes the operands as they are written; undefined for any other. */
function renamedOperator(
  { node, view, subject, constants }: ClausePlace,
  operator: ClauseOperator,
): TextEdit | undefined {
  if (isUnary(operator) && isUnary(view.operator) && node !== subject)
    return renameOperator(node, operator === 'is_set' ? '!!' : '!')
  const written = isVersionTest(operator) ? operator.slice(VERSION.length) : operator
  const seen = (view.isReversed && MIRRORED[written]) || written
  const test = constants[testPlace(view)]
  if (test && isVersionTest(operator) && isVersionTest(view.operator))
    return { offset: test.offset, length: test.length, content: JSON.stringify(seen) }
  return isBinary(operator, view) && isBinary(view.operator, view) ? renameOperator(node, seen) : undefined
}

const VERSION = 'sem_ver '
const isVersionTest = (operator: ClauseOperator): boolean => operator.startsWith(VERSION)
const isUnary = (operator: ClauseOperator): boolean => operator === 'is_set' || operator === 'is_not_set'
const BINARY = new Set<ClauseOperator>(['==', '!=', '===', '!==', '<', '<=', '>', '>='])
const TEXT = new Set<ClauseOperator>(['starts_with', 'ends_with'])

/** Whether an operator takes an attribute and one value, in the order in which they are written. */
const isBinary = (operator: ClauseOperator, { isReversed }: ClauseView | TimeView): boolean =>
  BINARY.has(operator) || (TEXT.has(operator) && !isReversed)

/** The place of the comparison among the constants of `sem_ver`. */
const testPlace = ({ isReversed }: ClauseView | TimeView): number => (isReversed ? 1 : 0)

/** The values of a clause for another operator: their number, and types that the checks of rules accept. */
function valuesFor(operator: ClauseOperator, values: readonly JsonScalar[]): readonly JsonScalar[] {
  const [first = '', second = first] = values
  if (isUnary(operator) || operator === 'in_segment') return []
  if (operator === 'one_of') return values
  if (operator === 'between' || operator === 'between_inclusive') return [first, second]
  if (TEXT.has(operator)) return [typeof first === 'string' ? first : String(first ?? '')]
  if (!isVersionTest(operator)) return [first]
  return [typeof first === 'string' && parseVersion(first) ? first : '1.0.0']
}

/** Replaces a condition by a reference to the segment `name`; `rule` is what the segment then has to be. */
export function extractSegment(
  text: string,
  path: JsonPath,
  name: string,
): { readonly edits: TextEdit[]; readonly rule: unknown } {
  const node = nodeIn(text, path)
  return { edits: [replaceNode(text, node, { value: { $ref: name } })], rule: jsonValueOf(node) }
}

type ClausePlace = {
  readonly node: Node
  readonly view: ClauseView | TimeView
  /** The `var`. */
  readonly subject: Node
  /** The other operands. */
  readonly constants: readonly Node[]
}

function clauseAt(text: string, path: JsonPath): ClausePlace {
  const node = nodeIn(text, path)
  const view = readClause(node, path)
  if (!view) throw new RangeError(`Cannot edit /${path.join('/')}: it is no clause`)
  if (attributeOf(node)) return { node, view, subject: node, constants: [] }
  const operands = callOf(node)?.operands ?? []
  const subject = operands.find((operand) => attributeOf(operand)) ?? node
  return { node, view, subject, constants: operands.filter((operand) => operand !== subject) }
}

function groupAt(node: Node) {
  const call = operandList(node)
  return call?.operator === 'and' || call?.operator === 'or' ? call : undefined
}

/** Changes the name of an operator, and nothing else. */
function renameOperator({ children = [] }: Node, operator: string): TextEdit {
  const name = children[0]?.children?.[0]
  return { offset: name?.offset ?? 0, length: name?.length ?? 0, content: JSON.stringify(operator) }
}
