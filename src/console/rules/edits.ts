import type { Node } from 'jsonc-parser'
import { isScalarNode } from './clauses.ts'
import { definitionOf, pairsOf, readChain } from './read.ts'
import {
  endOf,
  insertItems,
  operandList,
  removeItems,
  removeMember,
  replaceNode,
  setMember,
  unwrapNode,
  wrapNode,
} from './splice.ts'
import { type JsonPath, nodeAt, parseText, sourceOf, type TextEdit } from './text.ts'
import type { DefinitionView, RuleView } from './view.ts'

/** A new rule as JSON. */
export type NewRule = { readonly condition: unknown; readonly result: unknown }

/** The root of a text that is JSON; throws a RangeError for any other. */
export function rootOf(text: string): Node {
  const { root, mistakes } = parseText(text)
  if (root) return root
  throw new RangeError(`Cannot edit a text that is not JSON: ${mistakes[0]?.message ?? 'it is empty'}`)
}

/** The node at a path; throws a RangeError if there is none. */
export function nodeIn(text: string, path: JsonPath): Node {
  const node = nodeAt(rootOf(text), path)
  if (node) return node
  throw new RangeError(`Cannot edit /${path.join('/')}: there is no value`)
}

/** Replaces the value at a path. */
export function replace(text: string, path: JsonPath, value: unknown): TextEdit[] {
  return [replaceNode(text, nodeIn(text, path), { value })]
}

/** Replaces the value at a path by JSON text, as written. */
export function replaceSource(text: string, path: JsonPath, source: string): TextEdit[] {
  return [replaceNode(text, nodeIn(text, path), { source })]
}

/** Sets a member of the object at a path, or removes it if `value` is undefined. */
export function setMemberAt(text: string, path: JsonPath, name: string, value: unknown): TextEdit[] {
  const object = nodeIn(text, path)
  return value === undefined ? removeMember(object, name) : [setMember(text, object, name, value)]
}

/** Inserts a rule before the rule `at`, counted from 0 over all pairs at `root`; after the last one if there are fewer. */
export function addRule(text: string, root: JsonPath, at: number, { condition, result }: NewRule): TextEdit[] {
  const node = ruleAt(text, root)
  if (!node) return setRule(text, root, { if: [condition, result] })
  const { rules, otherwise, lists } = chainAt(node)
  // An `if` without pairs is wrapped as well, so that `removeRule()` restores it.
  if (!pairsOf(node) || (rules.length === 0 && otherwise?.kind !== 'result'))
    return [wrapNode(text, node, 'if', { before: [condition, result] })]
  const next = rules[at]
  const last = rules.at(-1)
  const place = next ?? (last ? { path: last.path, pair: last.pair + 1 } : { path: undefined, pair: 0 })
  const list = place.path ? lists(place.path) : operandList(node)?.list
  return list ? [insertItems(text, list, 2 * place.pair, [{ value: condition }, { value: result }])] : []
}

/** Removes the rule `at`; a targeting that is empty then is removed too. */
export function removeRule(text: string, root: JsonPath, at: number): TextEdit[] {
  const { rules, lists } = chainIn(text, root)
  const rule = rules[at]
  if (!rule) throw new RangeError(`Cannot remove rule ${at + 1}: there are ${rules.length}`)
  return removeOperands(text, root, { path: rule.path, list: lists(rule.path), index: 2 * rule.pair, count: 2 })
}

/** Moves the rule `from` to the place of the rule `to`; the rules between move by one. Pairs stay as written. */
export function moveRule(text: string, root: JsonPath, from: number, to: number): TextEdit[] {
  const { rules, lists } = chainIn(text, root)
  const ranges = rules.map(({ path, pair }) => {
    const [condition, result] = lists(path).children?.slice(2 * pair, 2 * pair + 2) ?? []
    const offset = condition?.offset ?? 0
    return { offset, length: result ? endOf(result) - offset : 0 }
  })
  const order = [...ranges.keys()]
  order.splice(to, 0, ...order.splice(from, 1))
  return ranges.flatMap((range, place) => {
    const moved = ranges[order[place] ?? place]
    return moved === undefined || moved === range ? [] : [{ ...range, content: sourceOf(text, moved) }]
  })
}

/** Sets what applies if no rule matches; undefined: the default variant. */
export function setOtherwise(text: string, root: JsonPath, value: unknown): TextEdit[] {
  const node = ruleAt(text, root)
  if (!node || !pairsOf(node)) return setRule(text, root, asRule(value))
  const { rules, otherwise, lists } = chainAt(node)
  const found = otherwise && nodeAt(node, otherwise.path)
  if (found && value !== undefined) return [replaceNode(text, found, { value })]
  if (otherwise) {
    const path = otherwise.path.slice(0, -1)
    const index = Number(otherwise.path.at(-1))
    return removeOperands(text, root, { path, list: lists(path), index, count: 1 })
  }
  const list = lists(rules.at(-1)?.path ?? [])
  return value === undefined ? [] : [insertItems(text, list, list.children?.length ?? 0, [{ value }])]
}

/** A variant name alone is no rule. */
const asRule = (value: unknown): unknown =>
  value === undefined || (typeof value === 'object' && value !== null) ? value : { if: [value] }

/** Serves `variant` to everyone, with a first rule that is always true. The rules stay. */
export function hold(text: string, root: JsonPath, variant: string | null): TextEdit[] {
  return addRule(text, root, 0, { condition: true, result: variant })
}

/** Removes the rule that `hold()` inserted; no edit if the flag is not held. */
export function release(text: string, root: JsonPath): TextEdit[] {
  return definitionOf(rootOf(text)).held ? removeRule(text, root, 0) : []
}

/** The rule at `root`; undefined if there is none. */
function ruleAt(text: string, root: JsonPath): Node | undefined {
  const node = nodeAt(rootOf(text), root)
  const isEmpty = node?.type === 'null' || (node?.type === 'object' && node.children?.length === 0)
  return isEmpty ? undefined : node
}

function setRule(text: string, root: JsonPath, value: unknown): TextEdit[] {
  const name = root.at(-1)
  return name === undefined
    ? replace(text, root, value ?? null)
    : setMemberAt(text, root.slice(0, -1), String(name), value)
}

type Pairs = Pick<DefinitionView, 'rules' | 'otherwise'> & { readonly lists: (path: JsonPath) => Node }

/** The pairs of a node, with paths from that node. */
function chainAt(node: Node): Pairs {
  const lists = (path: JsonPath): Node => nodeAt(node, path) ?? node
  return { ...readChain(node, [], new Set()), lists }
}

function chainIn(text: string, root: JsonPath): Pairs & { readonly rules: readonly RuleView[] } {
  const node = ruleAt(text, root)
  return node ? chainAt(node) : { rules: [], otherwise: undefined, lists: () => rootOf(text) }
}

type Removal = { readonly path: JsonPath; readonly list: Node; readonly index: number; readonly count: number }

/** Removes operands of an `if`. Without any left, the `if` is removed; one rule that is left replaces it. */
function removeOperands(text: string, root: JsonPath, { path, list, index, count }: Removal): TextEdit[] {
  const operands = list.children ?? []
  const [left] = operands.length === count + 1 ? operands.filter((_, at) => at < index || at >= index + count) : []
  const container = path.slice(0, -1)
  const node = nodeIn(text, [...root, ...container])
  if (left && !isScalarNode(left)) return [unwrapNode(text, node, left)]
  if (operands.length > count) return [removeItems(list, index, count)]
  if (container.length === 0) return setRule(text, root, undefined)
  const outer = container.slice(0, -1)
  const place = { path: outer, list: nodeIn(text, [...root, ...outer]), index: Number(container.at(-1)), count: 1 }
  return removeOperands(text, root, place)
}
