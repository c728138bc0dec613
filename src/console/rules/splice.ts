import type { Node } from 'jsonc-parser'
import { type Call, callOf } from './clauses.ts'
import { print } from './print.ts'
import { sourceOf, type TextEdit, type TextRange } from './text.ts'

/** A printed value, or a value that is printed for the line it comes to. */
export type Insertion = { readonly source: string } | { readonly value: unknown }

const LEADING = /^[ \t]*/

/** The white space at the start of the line of `offset`. */
function indentAt(text: string, offset: number): string {
  return LEADING.exec(text.slice(text.lastIndexOf('\n', offset - 1) + 1))?.[0] ?? ''
}

const printed = (insertion: Insertion, indent: string): string =>
  'source' in insertion ? insertion.source : print(insertion.value, indent)

/** Replaces a node. */
export function replaceNode(text: string, { offset, length }: TextRange, insertion: Insertion): TextEdit {
  return { offset, length, content: printed(insertion, indentAt(text, offset)) }
}

/** Inserts items into a list, or members (as text) into an object, before the item `index`. */
export function insertItems(text: string, list: Node, index: number, items: readonly Insertion[]): TextEdit {
  const { children = [] } = list
  const [first] = children
  const isOpen = first !== undefined && text.slice(list.offset, first.offset).includes('\n')
  const indent = isOpen ? indentAt(text, first.offset) : indentAt(text, list.offset)
  const separator = isOpen ? `,\n${indent}` : ', '
  const content = items.map((item) => printed(item, indent)).join(separator)
  const next = children[index]
  if (next) return { offset: next.offset, length: 0, content: content + separator }
  const last = children.at(-1)
  if (last) return { offset: endOf(last), length: 0, content: separator + content }
  return { offset: list.offset + 1, length: list.length - 2, content }
}

/** Removes items of a list, or members of an object: what `insertItems()` inserted, to the byte. */
export function removeItems({ offset, length, children = [] }: Node, index: number, count = 1): TextEdit {
  const first = children[index]
  const next = children[index + count]
  const before = children[index - 1]
  if (first && next) return { offset: first.offset, length: next.offset - first.offset, content: '' }
  const last = children[index + count - 1]
  if (before && last) return { offset: endOf(before), length: endOf(last) - endOf(before), content: '' }
  return { offset: offset + 1, length: length - 2, content: '' }
}

export const endOf = ({ offset, length }: TextRange): number => offset + length

/** Sets a member of an object: replaces its value, or inserts it as the last member. */
export function setMember(text: string, object: Node, name: string, value: unknown): TextEdit {
  const member = memberOf(object, name)?.children?.[1]
  if (member) return replaceNode(text, member, { value })
  const { children = [] } = object
  const indent = children[0] ? indentAt(text, children[0].offset) : ''
  const source = `${JSON.stringify(name)}: ${print(value, indent)}`
  return insertItems(text, object, children.length, [{ source }])
}

/** Removes a member of an object; no edit if there is none. */
export function removeMember(object: Node, name: string): TextEdit[] {
  const member = memberOf(object, name)
  const index = member ? (object.children ?? []).indexOf(member) : -1
  return index === -1 ? [] : [removeItems(object, index)]
}

/** The property node of a member. */
const memberOf = ({ children = [] }: Node, name: string): Node | undefined =>
  children.find(({ children: [key] = [] }) => key?.value === name)

/** The list in which the operands of a call stand; undefined for a single operand without brackets. */
export function operandList(node: Node): (Call & { readonly list: Node }) | undefined {
  const call = callOf(node)
  const list = node.children?.[0]?.children?.[1]
  return call?.isList && list ? { ...call, list } : undefined
}

/** Puts a node among the operands of an operator, between other values; its lines are indented anew. */
export function wrapNode(
  text: string,
  node: Node,
  operator: string,
  { before = [], after = [] }: { readonly before?: readonly unknown[]; readonly after?: readonly unknown[] },
): TextEdit {
  const indent = indentAt(text, node.offset)
  const inner = `${indent}    `
  const items = [
    ...before.map((value) => print(value, inner)),
    indented(text, node, inner),
    ...after.map((value) => print(value, inner)),
  ]
  const source = `{\n${indent}  "${operator}": [\n${inner}${items.join(`,\n${inner}`)}\n${indent}  ]\n${indent}}`
  return replaceNode(text, node, { source })
}

/** Replaces a node by one of its inner nodes: the reverse of `wrapNode()`. */
export function unwrapNode(text: string, node: Node, inner: Node): TextEdit {
  return replaceNode(text, node, { source: indented(text, inner, indentAt(text, node.offset)) })
}

/** A node as written, its further lines indented for a line that is indented by `indent`. JSON texts have no line breaks. */
function indented(text: string, node: Node, indent: string): string {
  const before = indentAt(text, node.offset)
  const [first = '', ...lines] = sourceOf(text, node).split('\n')
  return [first, ...lines.map((line) => (line.startsWith(before) ? indent + line.slice(before.length) : line))].join(
    '\n',
  )
}
