import type { Node } from 'jsonc-parser'
import { parseText, sourceOf } from './text.ts'

const WIDTH = 100
const INDENT = '  '
/** A clause has three levels: operator, operands, attribute. */
const LEVELS_MAX = 3
/** Members whose value has one line for each item. */
const SPREAD = new Set(['if', '?:', 'and', 'or', 'fractional', 'variants', 'targeting'])

/**
 * Prints a value as JSON: as a document of its own, or as a part of a line that is indented by `indent`. The same value is
 * always printed in the same way.
 */
export function print(value: unknown, indent?: string): string {
  const text = JSON.stringify(value) ?? 'null'
  const { root } = parseText(text)
  return root ? new Printer(text).print(root, indent ?? '', indent === undefined) : text
}

/** Lays out a JSON text anew. Numbers and texts stay as written. A text that is not JSON stays as it is. */
export function format(text: string): string {
  const { root } = parseText(text)
  return root ? new Printer(text).print(root, '', true) : text
}

class Printer {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** A list or object is on one line if it fits, unless `isSpread`. */
  print(node: Node, indent: string, isSpread: boolean): string {
    const { type, children = [] } = node
    if (type === 'property') return this.#member(children, indent)
    if (children.length === 0) return this.#flat(node)
    const flat = isSpread || !isFlat(node, LEVELS_MAX) ? undefined : this.#flat(node)
    if (flat !== undefined && indent.length + flat.length <= WIDTH) return flat
    const inner = indent + INDENT
    const lines = children.map((child) => inner + this.print(child, inner, false))
    const [open, close] = type === 'array' ? '[]' : '{}'
    return `${open}\n${lines.join(',\n')}\n${indent}${close}`
  }

  #member([name, value]: readonly Node[], indent: string): string {
    if (!name || !value) return ''
    const isSpread = SPREAD.has(String(name.value))
    return `${sourceOf(this.#text, name)}: ${this.print(value, indent, isSpread)}`
  }

  #flat({ type, offset, length, children = [] }: Node): string {
    if (type === 'property') return children.map((child) => this.#flat(child)).join(': ')
    if (type !== 'array' && type !== 'object') return sourceOf(this.#text, { offset, length })
    const inner = children.map((child) => this.#flat(child)).join(', ')
    if (type === 'array') return `[${inner}]`
    return inner === '' ? '{}' : `{ ${inner} }`
  }
}

/** Whether a node has at most `levels` levels of lists and objects and no list of rules. */
function isFlat({ type, children = [] }: Node, levels: number): boolean {
  if (type === 'property') {
    const [name, value] = children
    return value === undefined || (!(value.children && SPREAD.has(String(name?.value))) && isFlat(value, levels))
  }
  if (type !== 'array' && type !== 'object') return true
  return levels > 0 && children.every((child) => isFlat(child, levels - 1))
}
