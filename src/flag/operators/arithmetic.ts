import type { Frame, Operator } from '../expression.ts'
import { toNumber } from '../value.ts'
import { compileOperands } from './operands.ts'

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
