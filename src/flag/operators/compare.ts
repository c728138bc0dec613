import { type Expression, type Frame, isScalar, type Operator } from '../expression.ts'
import { looselyEqual, strictlyEqual, toComparable, weigh } from '../value.ts'

type Test = (left: unknown, right: unknown, frame: Frame) => boolean

/** `==` and `!=`. */
export function equality(expected: boolean): Operator {
  return comparison(looselyEqual, expected)
}

/** `===` and `!==`. */
export function identity(expected: boolean): Operator {
  return comparison(strictlyEqual, expected)
}

function comparison(test: Test, expected: boolean): Operator {
  return (operands, compiler) => {
    const [first = null, second = null] = operands
    const left = compiler.compile(first)
    const right = compiler.compile(second)
    if (typeof second === 'string') return equalsText(left, second, test, expected)
    if (typeof first === 'string') return equalsText(right, first, test, expected)
    return (data, frame) => test(left(data, frame), right(data, frame), frame) === expected
  }
}

/** The commonest rule of all: an attribute against a word. */
function equalsText(operand: Expression, text: string, test: Test, expected: boolean): Expression {
  return (data, frame) => {
    const value = operand(data, frame)
    if (typeof value === 'string') return (value === text) === expected
    return test(value, text, frame) === expected
  }
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
