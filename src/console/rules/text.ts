import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'
import { DOCUMENT_DEPTH_MAX } from '../../flag/definition.ts'

/** Steps from the root of a JSON text: member names and indices. */
export type JsonPath = readonly (string | number)[]

/** A part of a text, in UTF-16 units. */
export type TextRange = { readonly offset: number; readonly length: number }

/** Replaces a part of a text. All edits of one list refer to the text before the first; they do not overlap. */
export type TextEdit = TextRange & { readonly content: string }

/** Why a text is not JSON. */
export type SyntaxMistake = TextRange & { readonly message: string }

/** A JSON text with the places of its values. `root` is undefined if the text has mistakes. */
type JsonText = { readonly root: Node | undefined; readonly mistakes: readonly SyntaxMistake[] }

/** Applies edits; of two at the same offset, the first in the list comes first. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let result = ''
  let end = 0
  for (const { offset, length, content } of inOrder(edits)) {
    result += text.slice(end, offset) + content
    end = offset + length
  }
  return result + text.slice(end)
}

/** The edits that restore `text` after `edits`. */
export function invertEdits(text: string, edits: readonly TextEdit[]): TextEdit[] {
  let shift = 0
  return inOrder(edits).map(({ offset, length, content }) => {
    const inverse = { offset: offset + shift, length: content.length, content: text.slice(offset, offset + length) }
    shift += content.length - length
    return inverse
  })
}

/** The edit that changes one text to another; none if they are equal. */
export function editBetween(before: string, after: string): TextEdit[] {
  if (before === after) return []
  const shorter = Math.min(before.length, after.length)
  let start = 0
  while (start < shorter && before[start] === after[start]) start += 1
  let end = 0
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end += 1
  return [{ offset: start, length: before.length - end - start, content: after.slice(start, after.length - end) }]
}

const inOrder = (edits: readonly TextEdit[]): TextEdit[] => [...edits].sort((one, other) => one.offset - other.offset)

/** Parses strict JSON. A member name that occurs twice in an object is a mistake too. Never throws. */
export function parseText(text: string): JsonText {
  const tooDeep = firstTooDeep(text)
  if (tooDeep) return { root: undefined, mistakes: [tooDeep] }
  const errors: ParseError[] = []
  const root = parseTree(text, errors, { disallowComments: true })
  const mistakes = errors.map(({ error, offset, length }) => ({ offset, length, message: messageOf(error) }))
  if (root && mistakes.length === 0) mistakes.push(...duplicatesIn(root))
  return { root: mistakes.length === 0 ? root : undefined, mistakes }
}

/** "ValueExpected" → "Value expected". */
function messageOf(error: number): string {
  const words = printParseErrorCode(error).replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return words.replace('expected', 'is missing')
}

const DEPTHS: Readonly<Record<string, number>> = { '{': 1, '[': 1, '}': -1, ']': -1 }

/** Searched before parsing, because the parser is recursive. */
function firstTooDeep(text: string): SyntaxMistake | undefined {
  let depth = 0
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? ''
    if (character === '"') at = endOfString(text, at)
    else depth += DEPTHS[character] ?? 0
    if (depth > DOCUMENT_DEPTH_MAX)
      return { offset: at, length: 1, message: `Document nests deeper than ${DOCUMENT_DEPTH_MAX}` }
  }
  return undefined
}

/** The offset of the quote that ends the string which starts at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at
}

function duplicatesIn(node: Node): SyntaxMistake[] {
  const children = node.children ?? []
  const mistakes = children.flatMap(duplicatesIn)
  if (node.type !== 'object') return mistakes
  const names = new Set<unknown>()
  for (const { children: [name] = [] } of children) {
    if (name && names.has(name.value))
      mistakes.push({
        offset: name.offset,
        length: name.length,
        message: `Member ${JSON.stringify(name.value)} is there twice`,
      })
    names.add(name?.value)
  }
  return mistakes
}

/** The node at a path; undefined if there is none. */
export function nodeAt(root: Node | undefined, path: JsonPath): Node | undefined {
  let node = root
  for (const step of path) node = node && childOf(node, step)
  return node
}

/** The item of a list, or the value of the member of an object. */
export function childOf({ type, children = [] }: Node, step: string | number): Node | undefined {
  if (type === 'array') return children[Number(step)]
  return type === 'object'
    ? children.find(({ children: [name] = [] }) => name?.value === step)?.children?.[1]
    : undefined
}

/** The JSON value of a node. Members are own properties, whatever their names. */
export function jsonValueOf({ type, value, children = [] }: Node): unknown {
  if (type === 'array') return children.map(jsonValueOf)
  if (type !== 'object') return value
  return Object.fromEntries(
    children.map(({ children: [name, member] = [] }) => [String(name?.value), member && jsonValueOf(member)]),
  )
}

/** The text of a node, as written. */
export const sourceOf = (text: string, { offset, length }: TextRange): string => text.slice(offset, offset + length)

/** The node that a JSON Pointer (RFC 6901) leads to, or the innermost one on the way that exists. */
export function nodeAtPointer(root: Node, pointer: string): Node {
  let node = root
  for (const step of pointer.split('/').slice(1)) {
    const child = childOf(node, step.replaceAll('~1', '/').replaceAll('~0', '~'))
    if (child === undefined) return node
    node = child
  }
  return node
}

/** The path that a JSON Pointer (RFC 6901) describes, in the text with this root. */
export function pathAtPointer(root: Node, pointer: string): JsonPath {
  const path: (string | number)[] = []
  let node: Node | undefined = root
  for (const escaped of pointer.split('/').slice(1)) {
    const step = escaped.replaceAll('~1', '/').replaceAll('~0', '~')
    path.push(node?.type === 'array' ? Number(step) : step)
    node = node && childOf(node, step)
  }
  return path
}
