import { PRODUCT_LENGTH_MAX } from '../definition.ts'
import {
  type Compiler,
  compileOperands,
  type EvaluationFrame,
  type Expression,
  type Operator,
  RuleFault,
  spend,
  truthy,
} from '../rules/expression.ts'

type Loop = { readonly items: (data: unknown, frame: EvaluationFrame) => readonly unknown[]; readonly body: Expression }

/** Compiles a list and the rule that runs for each item; each run costs the nodes of that rule. No list counts as an empty one. */
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

type Iterate = (
  items: readonly unknown[],
  test: (item: unknown) => boolean,
  value: (item: unknown) => unknown,
) => unknown

function iteration(iterate: Iterate): Operator {
  return (operands, compiler) => {
    const { items, body } = compileLoop(operands, compiler)
    return (data, frame) => {
      const value = (item: unknown) => body(item, frame)
      return iterate(items(data, frame), (item) => truthy(value(item)), value)
    }
  }
}

/** `map`: the rule's value for each item. */
export const map = iteration((items, _, value) => items.map(value))

/** `filter`: the items for which the rule is true. */
export const filter = iteration((items, test) => items.filter(test))

/** `all`: whether the rule is true for every item; false for an empty list. */
export const all = iteration((items, test) => items.length > 0 && items.every(test))

/** `some`: whether the rule is true for at least one item. */
export const some = iteration((items, test) => items.some(test))

/** `none`: whether the rule is true for no item. */
export const none = iteration((items, test) => !items.some(test))

/** `reduce`: the rule reads `current` and `accumulator`, and its value is the next accumulator. */
export const reduce: Operator = (operands, compiler) => {
  const { items, body } = compileLoop(operands, compiler)
  const start = compiler.compile(operands[2] ?? null)
  return (data, frame) => {
    let accumulator = start(data, frame)
    for (const current of items(data, frame)) accumulator = body({ current, accumulator }, frame)
    return accumulator
  }
}

/** `merge`: all operands in one list; operands that are lists contribute their items. */
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

/** `in`: whether a list contains a value (same type and value), or a text contains a text or number. */
export const isIn: Operator = (operands, compiler) => {
  const needle = compiler.compile(operands[0] ?? null)
  const members = compiler.members(operands[1])
  if (members !== undefined) return (data, frame) => members.has(needle(data, frame))
  const haystack = compiler.compile(operands[1] ?? null)
  return (data, frame) => contains(haystack(data, frame), needle(data, frame), frame)
}

function contains(haystack: unknown, needle: unknown, frame: EvaluationFrame): boolean {
  if (Array.isArray(haystack)) {
    spend(frame, haystack.length >> 4)
    return haystack.includes(needle)
  }
  if (typeof haystack !== 'string' || (typeof needle !== 'string' && typeof needle !== 'number')) return false
  const text = String(needle)
  // The worst case of a search compares every pair of characters.
  spend(frame, Math.ceil((haystack.length * text.length) / 1024))
  return haystack.includes(text)
}
