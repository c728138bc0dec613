import {
  compileOperands,
  type Expression,
  type Frame,
  isScalar,
  type Operator,
  toComparable,
  toNumber,
  weigh,
} from '../rules/expression.ts'

type Step = (left: number, right: number) => number

/**
 * `+` and `*`: all operands, starting from `start`. With a null operand, as of an attribute that is missing, the result is NaN, as in
 * JSONLogic's reference (json-logic-js): then no comparison holds, and no sum is made up for a user of whom too little is known.
 */
export function total(start: number, step: Step): Operator {
  return (operands, compiler, written) => {
    if (operands.length === 2) return totalOfTwo(step)(operands, compiler, written)
    const values = compileOperands(operands, compiler, written)
    return (data, frame) => {
      let result = start
      for (const value of values(data, frame)) result = step(result, toSummand(value, frame))
      return result
    }
  }
}

function totalOfTwo(step: Step): Operator {
  return (operands, compiler) => {
    const left = compiler.compile(operands[0])
    const right = compiler.compile(operands[1])
    return (data, frame) => step(toSummand(left(data, frame), frame), toSummand(right(data, frame), frame))
  }
}

function toSummand(value: unknown, frame: Frame): number {
  return value === null || value === undefined ? Number.NaN : toNumber(value, frame)
}

/** `/` and `%`: the first operand by each that follows. By zero is Infinity or NaN, as in JavaScript; never an error. */
export function pair(step: Step): Operator {
  return (operands, compiler) => {
    const left = compiler.compile(operands[0] ?? null)
    const right = compiler.compile(operands[1] ?? null)
    return (data, frame) => step(toNumber(left(data, frame), frame), toNumber(right(data, frame), frame))
  }
}

/** `-`: of one operand its negative, else the first less all others. */
export const minus: Operator = (operands, compiler, written) => {
  if (operands.length === 2) return pair((left, right) => left - right)(operands, compiler, written)
  const values = compileOperands(operands, compiler, written)
  return (data, frame) => {
    const [first, ...rest] = values(data, frame)
    if (rest.length === 0) return 0 - toNumber(first, frame)
    return fold(rest, toNumber(first, frame), (left, right) => left - right, frame)
  }
}

/** `max` and `min`: null of nothing. */
export function extreme(step: Step): Operator {
  return (operands, compiler, written) => {
    const values = compileOperands(operands, compiler, written)
    return (data, frame) => {
      const [first, ...rest] = values(data, frame)
      return first === undefined ? null : fold(rest, toNumber(first, frame), step, frame)
    }
  }
}

function fold(values: readonly unknown[], start: number, step: Step, frame: Frame): number {
  let result = start
  for (const value of values) result = step(result, toNumber(value, frame))
  return result
}

/** `<`, `<=`, `>` and `>=`: two texts by their UTF-16 units, anything else as numbers; three operands are a range. */
export function order(holds: (left: number | string, right: number | string) => boolean): Operator {
  return (operands, compiler) => {
    const [first = null, second = null, third] = operands
    const left = compiler.compile(first)
    const middle = compiler.compile(second)
    if (third !== undefined) return range(left, middle, compiler.compile(third), holds)
    if (typeof second === 'number' && isScalar(second)) return orderNumber(left, second, holds)
    return (data, frame) => ordered(left(data, frame), middle(data, frame), frame, holds)
  }
}

function orderNumber(left: Expression, bound: number, holds: (left: number, right: number) => boolean): Expression {
  return (data, frame) => {
    const value = left(data, frame)
    return holds(typeof value === 'number' ? value : toComparable(value, frame), bound)
  }
}

function range(left: Expression, middle: Expression, right: Expression, holds: Parameters<typeof order>[0]) {
  const within: Expression = (data, frame) => {
    const value = middle(data, frame)
    return ordered(left(data, frame), value, frame, holds) && ordered(value, right(data, frame), frame, holds)
  }
  return within
}

function ordered(left: unknown, right: unknown, frame: Frame, holds: Parameters<typeof order>[0]): boolean {
  if (typeof left === 'string' && typeof right === 'string') {
    weigh(left, frame)
    return holds(left, right)
  }
  return holds(toComparable(left, frame), toComparable(right, frame))
}
