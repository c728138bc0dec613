import type { Node } from 'jsonc-parser'
import { WEIGHT_SUM_MAX } from '../../flag/definition.ts'
import { attributeOf, callOf, isScalarNode, operandPath, readClause, segmentOf } from './clauses.ts'
import { childOf, type JsonPath, jsonValueOf, parseText, type SyntaxMistake } from './text.ts'
import type {
  ConditionView,
  DefinitionView,
  OutcomeView,
  RuleView,
  ShareView,
  SplitBy,
  SplitView,
  VariantView,
} from './view.ts'

/** A text as a view; undefined if the text is not JSON. */
type Reading<View> = { readonly view: View | undefined; readonly mistakes: readonly SyntaxMistake[] }

/** Where the rule of a definition is. */
export const TARGETING: JsonPath = ['targeting']

/** Reads the text of a definition. Total: what has no visual form is `advanced`. */
export function readDefinition(text: string): Reading<DefinitionView> {
  const { root, mistakes } = parseText(text)
  return { view: root && definitionOf(root), mistakes }
}

/** Reads the text of a segment: a condition or a list of values. */
export function readSegment(text: string): Reading<ConditionView> {
  const { root, mistakes } = parseText(text)
  return { view: root && readCondition(root, []), mistakes }
}

/** Reads the root node of a definition. */
export function definitionOf(root: Node): DefinitionView {
  const variants = variantsOf(childOf(root, 'variants'))
  const names = new Set(variants.map(({ name }) => name))
  const targeting = childOf(root, 'targeting')
  const hasRule = targeting !== undefined && isRule(targeting)
  const chain = hasRule ? readChain(targeting, TARGETING, names) : { rules: [], otherwise: undefined }
  const defaultVariant = childOf(root, 'defaultVariant')?.value
  return {
    state: childOf(root, 'state')?.value,
    variants,
    defaultVariant: typeof defaultVariant === 'string' && defaultVariant !== '' ? defaultVariant : null,
    hasRule,
    hasPlan: childOf(root, 'flagstaff')?.type === 'object',
    ...chain,
    held: heldBy(chain.rules[0]),
  }
}

/** No targeting, null and {} are no rule. */
const isRule = ({ type, children = [] }: Node): boolean =>
  type !== 'null' && !(type === 'object' && children.length === 0)

function heldBy(first: RuleView | undefined): DefinitionView['held'] {
  if (first?.condition.kind !== 'constant' || first.condition.value !== true) return undefined
  return first.result.kind === 'result' ? { variant: first.result.variant } : undefined
}

function variantsOf(node: Node | undefined): VariantView[] {
  if (node?.type !== 'object') return []
  return (node.children ?? []).map(({ children: [name, value] = [] }) => ({
    path: ['variants', String(name?.value)],
    name: String(name?.value),
    value: value && jsonValueOf(value),
  }))
}

type ChainView = { readonly rules: readonly RuleView[]; readonly otherwise: OutcomeView | undefined }

/** The pairs of an `if`, and of each `if` in its else. Any other node is the result of no rule. */
export function readChain(root: Node, start: JsonPath, variants: ReadonlySet<string>): ChainView {
  const rules: RuleView[] = []
  let [node, path] = [root, start]
  for (let list = pairsOf(node); list; list = pairsOf(node)) {
    const { operator, operands } = list
    const inner = [...path, operator]
    for (let pair = 0; 2 * pair + 1 < operands.length; pair += 1)
      rules.push(ruleOf(operands, { path: inner, pair }, variants))
    const last = operands.at(-1)
    if (operands.length % 2 === 0 || !last) return { rules, otherwise: undefined }
    node = last
    path = [...inner, operands.length - 1]
  }
  return { rules, otherwise: readOutcome(node, path, variants) }
}

type RulePlace = Pick<RuleView, 'path' | 'pair'>

function ruleOf(operands: readonly Node[], place: RulePlace, variants: ReadonlySet<string>): RuleView {
  const [condition, result] = [operands[2 * place.pair], operands[2 * place.pair + 1]] as [Node, Node]
  return {
    ...place,
    condition: readCondition(condition, [...place.path, 2 * place.pair]),
    result: readOutcome(result, [...place.path, 2 * place.pair + 1], variants),
  }
}

/** The call of `if` or `?:` with a list of operands. */
export function pairsOf(node: Node) {
  const call = callOf(node)
  const isChain = (call?.operator === 'if' || call?.operator === '?:') && call.isList && call.operands.length > 0
  return isChain ? call : undefined
}

function readOutcome(node: Node, path: JsonPath, variants: ReadonlySet<string>): OutcomeView {
  if (isScalarNode(node)) return { kind: 'result', path, variant: variantOf(node.value, variants), written: node.value }
  return readSplit(node, path, variants) ?? { kind: 'advanced', path, value: jsonValueOf(node) }
}

/** The variant that a value names, as in the evaluator: spaces around and quotes in a name do not count. */
function variantOf(value: unknown, variants: ReadonlySet<string>): string | null {
  if (value === null) return null
  const name = String(value)
  const plain = name.trim().replaceAll('"', '')
  return !variants.has(name) && variants.has(plain) ? plain : name
}

function readSplit(node: Node, path: JsonPath, variants: ReadonlySet<string>): SplitView | undefined {
  const call = callOf(node)
  if (call?.operator !== 'fractional' || !call.isList) return undefined
  const [first, ...others] = call.operands
  if (!first) return undefined
  const by = first.type === 'array' ? { attribute: undefined, isSalted: true } : splitByOf(first)
  const entries = first.type === 'array' ? call.operands : others
  const skipped = call.operands.length - entries.length
  const shares = entries.map((entry, index) => readShare(entry, [...path, 'fractional', skipped + index], variants))
  const known = shares.filter((share) => share !== undefined)
  if (!by || known.length === 0 || known.length < shares.length) return undefined
  const total = known.reduce((sum, { weight }) => sum + weight, 0)
  return total > WEIGHT_SUM_MAX ? undefined : { kind: 'split', path, by, shares: known, total }
}

function readShare(node: Node, path: JsonPath, variants: ReadonlySet<string>): ShareView | undefined {
  const [variant, weight, ...others] = node.children ?? []
  if (node.type !== 'array' || !variant || !isScalarNode(variant) || others.length > 0) return undefined
  const value: unknown = weight ? weight.value : 1
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) return undefined
  return { path, variant: variantOf(variant.value, variants), weight: value }
}

function splitByOf(node: Node): SplitBy | undefined {
  const plain = plainAttribute(node)
  if (plain !== undefined) return { attribute: plain, isSalted: false }
  const call = callOf(node)
  if (call?.operator !== 'cat' || call.operands.length !== 2) return undefined
  const [salt, attribute] = call.operands.map(plainAttribute)
  return salt === '$flagd.flagKey' && attribute !== undefined ? { attribute, isSalted: true } : undefined
}

/** The path of a `var` without a default. */
function plainAttribute(node: Node): string | undefined {
  return (callOf(node)?.operands.length ?? 0) > 1 ? undefined : attributeOf(node)?.attribute
}

/** Reads a node in the place of a condition. */
function readCondition(node: Node, path: JsonPath): ConditionView {
  if (isScalarNode(node)) return { kind: 'constant', path, value: node.value }
  const segment = segmentOf(node)
  if (segment !== undefined) return { kind: 'segment', path, name: segment }
  const items = node.children ?? []
  if (node.type === 'array' && items.every(isScalarNode))
    return { kind: 'list', path, values: items.map(({ value }) => value) }
  return readGroup(node, path) ?? readClause(node, path) ?? { kind: 'advanced', path, value: jsonValueOf(node) }
}

function readGroup(node: Node, path: JsonPath): ConditionView | undefined {
  const call = callOf(node)
  if (!call || call.operands.length === 0) return undefined
  const { operator, operands, isList } = call
  const [first] = operands
  if (operator === '!' && first && operands.length === 1 && !attributeOf(first))
    return { kind: 'not', path, item: readCondition(first, operandPath(path, call, 0)) }
  if ((operator !== 'and' && operator !== 'or') || !isList) return undefined
  const items = operands.map((operand, index) => readCondition(operand, operandPath(path, call, index)))
  return { kind: 'group', path, operator, items }
}
