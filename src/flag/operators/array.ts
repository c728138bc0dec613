import { PRODUCT_LENGTH_MAX } from '../definition.ts'
import {
  type Compiler,
  compileOperands,
  type Expression,
  type Frame,
  type Operator,
  RuleFault,
  spend,
  truthy,
} from '../rules/expression.ts'

type Loop = { readonly items: (data: unknown, frame: Frame) => readonly unknown[]; readonly body: Expression }

/** Compiles the list and the rule that runs over it; each run is charged for the nodes of that rule. */
function compileLoop(operands: readonly unknown[], compiler: Compiler): Loop {
  const list = compiler.compile(operands[0] ?? null)
  const before = compiler.nodes
  const inner = compiler.compile(operands[1] ?? null)
  const cost = compiler.nodes - before + 1
  return {
    items: (data, frame) => {
      const value = list(data, frame)
      return Array.isArray(value) ? value : []
    },
    body: (item, frame) => {
      spend(frame, cost)
      return inner(item, frame)
    },
  }
}

/** `map`: the rule's value for each item. What is not a list counts as an empty one, here and below. */
export const map: Operator = (operands, compiler) => {
  const { items, body } = compileLoop(operands, compiler)
  return (data, frame) => items(data, frame).map((item) => body(item, frame))
}

/** `filter`: the items for which the rule is true. */
export const filter: Operator = (operands, compiler) => {
  const { items, body } = compileLoop(operands, compiler)
  return (data, frame) => items(data, frame).filter((item) => truthy(body(item, frame)))
}

/** `reduce`: the rule sees `current` and `accumulator`, and its value is the next accumulator. */
export const reduce: Operator = (operands, compiler) => {
  const { items, body } = compileLoop(operands, compiler)
  const start = compiler.compile(operands[2] ?? null)
  return (data, frame) => {
    let accumulator = start(data, frame)
    for (const current of items(data, frame)) accumulator = body({ current, accumulator }, frame)
    return accumulator
  }
}

/** `all`: whether the rule is true for every item; of an empty list it is not. */
export const all: Operator = (operands, compiler) => {
  const { items, body } = compileLoop(operands, compiler)
  return (data, frame) => {
    const list = items(data, frame)
    return list.length > 0 && list.every((item) => truthy(body(item, frame)))
  }
}

/** `some`: whether the rule is true for at least one item. */
export const some: Operator = (operands, compiler) => {
  const { items, body } = compileLoop(operands, compiler)
  return (data, frame) => items(data, frame).some((item) => truthy(body(item, frame)))
}

/** `none`: whether the rule is true for no item. */
export const none: Operator = (operands, compiler) => {
  const { items, body } = compileLoop(operands, compiler)
  return (data, frame) => !items(data, frame).some((item) => truthy(body(item, frame)))
}

/** `merge`: all operands in one list; those that are lists, item by item. */
export const merge: Operator = (operands, compiler, written) => {
  const values = compileOperands(operands, compiler, written)
  return (data, frame) => {
    const merged: unknown[] = []
    for (const value of values(data, frame)) {
      const items = Array.isArray(value) ? value : [value]
      spend(frame, items.length)
      for (const item of items) merged.push(item)
    }
    if (merged.length > PRODUCT_LENGTH_MAX) throw new RuleFault('GENERAL', `List is longer than ${PRODUCT_LENGTH_MAX}`)
    return merged
  }
}

/** `in`: whether a list has the value (by type and value), or a text has the text or number in it. */
export const isIn: Operator = (operands, compiler) => {
  const needle = compiler.compile(operands[0] ?? null)
  const members = compiler.members(operands[1])
  if (members !== undefined) return (data, frame) => members.has(needle(data, frame))
  const haystack = compiler.compile(operands[1] ?? null)
  return (data, frame) => contains(haystack(data, frame), needle(data, frame), frame)
}

function contains(haystack: unknown, needle: unknown, frame: Frame): boolean {
  if (Array.isArray(haystack)) {
    spend(frame, haystack.length >> 4)
    return haystack.includes(needle)
  }
  if (typeof haystack !== 'string' || (typeof needle !== 'string' && typeof needle !== 'number')) return false
  const text = String(needle)
  // A search may look at every pair of characters, so it is charged for the worst.
  spend(frame, Math.ceil((haystack.length * text.length) / 1024))
  return haystack.includes(text)
}
