import {
  compileOperands,
  type EvaluationFrame,
  type Expression,
  type Operator,
  spendText,
  toComparable,
  toNumber,
} from '../rules/expression.ts'

type Arithmetic = (left: number, right: number) => number

/**
 * `+` and `*`: all operands, starting from `start`. A null operand, such as a missing attribute, makes the result NaN, as in
 * JSONLogic's reference (json-logic-js): no comparison with it holds, so a rule does not calculate with attributes it lacks.
 */
export function total(start: number, apply: Arithmetic): Operator {
  return (operands, compiler, written) => {
    const [first, second] = operands
    if (operands.length === 2) {
      const left = compiler.compile(first)
      const right = compiler.compile(second)
      return (data, frame) => apply(toSummand(left(data, frame), frame), toSummand(right(data, frame), frame))
    }
    const values = compileOperands(operands, compiler, written)
    return (data, frame) =>
      values(data, frame).reduce<number>((result, value) => apply(result, toSummand(value, frame)), start)
  }
}

function toSummand(value: unknown, frame: EvaluationFrame): number {
  return value === null || value === undefined ? Number.NaN : toNumber(value, frame)
}

/** `/` and `%`, of two operands. Division by zero gives Infinity or NaN, as in JavaScript, and never an error. */
export function arithmetic(apply: Arithmetic): Operator {
  return ([first = null, second = null], compiler) => {
    const left = compiler.compile(first)
    const right = compiler.compile(second)
    return (data, frame) => apply(toNumber(left(data, frame), frame), toNumber(right(data, frame), frame))
  }
}

const subtract: Arithmetic = (left, right) => left - right

/** `-`: the negative of a single operand, else the first minus all others. */
export const minus: Operator = (operands, compiler, written) => {
  if (operands.length === 2) return arithmetic(subtract)(operands, compiler, written)
  const values = compileOperands(operands, compiler, written)
  return (data, frame) => {
    const [first, ...rest] = values(data, frame)
    if (rest.length === 0) return 0 - toNumber(first, frame)
    return fold(rest, toNumber(first, frame), subtract, frame)
  }
}

/** `max` and `min`: null if there are no operands. */
export function extreme(apply: Arithmetic): Operator {
  return (operands, compiler, written) => {
    const values = compileOperands(operands, compiler, written)
    return (data, frame) => {
      const [first, ...rest] = values(data, frame)
      return first === undefined ? null : fold(rest, toNumber(first, frame), apply, frame)
    }
  }
}

function fold(values: readonly unknown[], start: number, apply: Arithmetic, frame: EvaluationFrame): number {
  return values.reduce<number>((result, value) => apply(result, toNumber(value, frame)), start)
}

type Order = (left: number | string, right: number | string) => boolean

/** `<`, `<=`, `>` and `>=`: two texts by UTF-16 code units, anything else as numbers. Three operands are a range. */
export function order(holds: Order): Operator {
  return ([first = null, second = null, third], compiler) => {
    const left = compiler.compile(first)
    const middle = compiler.compile(second)
    if (third !== undefined) return inRange(left, middle, compiler.compile(third), holds)
    if (typeof second === 'number') return orderNumber(left, second, holds)
    return (data, frame) => isOrdered(left(data, frame), middle(data, frame), frame, holds)
  }
}

/** A fast path for an attribute compared with a constant number. */
function orderNumber(left: Expression, bound: number, holds: Order): Expression {
  return (data, frame) => {
    const value = left(data, frame)
    return holds(typeof value === 'number' ? value : toComparable(value, frame), bound)
  }
}

function inRange(left: Expression, middle: Expression, right: Expression, holds: Order): Expression {
  return (data, frame) => {
    const value = middle(data, frame)
    return isOrdered(left(data, frame), value, frame, holds) && isOrdered(value, right(data, frame), frame, holds)
  }
}

function isOrdered(left: unknown, right: unknown, frame: EvaluationFrame, holds: Order): boolean {
  if (typeof left === 'string' && typeof right === 'string') {
    spendText(left, frame)
    return holds(left, right)
  }
  return holds(toComparable(left, frame), toComparable(right, frame))
}
