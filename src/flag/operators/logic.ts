import {
  type Compiler,
  constant,
  type Expression,
  type Frame,
  looselyEqual,
  type Operator,
  strictlyEqual,
  truthy,
} from '../rules/expression.ts'

/** `if` and `?:`: pairs of condition and value, then the value for none of them (null when not given). */
export const conditional: Operator = (operands, compiler) => {
  if (operands.length === 0) return constant(null)
  const parts = operands.map((operand) => compiler.compile(operand))
  // Built from the last pair backwards, so that an evaluation runs through closures and no loop.
  let otherwise: Expression = parts.length % 2 === 1 ? (parts.pop() ?? constant(null)) : constant(null)
  while (parts.length > 1) {
    const then = parts.pop() ?? otherwise
    const condition = parts.pop() ?? otherwise
    otherwise = choose(condition, then, otherwise)
  }
  return otherwise
}

function choose(condition: Expression, then: Expression, otherwise: Expression): Expression {
  return (data, frame) => {
    const value = condition(data, frame)
    return value === true || (value !== false && truthy(value)) ? then(data, frame) : otherwise(data, frame)
  }
}

/** `and`: the first value that is false, else the last. */
export const and: Operator = (operands, compiler) => chain(operands, compiler, false)

/** `or`: the first value that is true, else the last. */
export const or: Operator = (operands, compiler) => chain(operands, compiler, true)

function chain(operands: readonly unknown[], compiler: Compiler, until: boolean): Expression {
  const parts = operands.map((operand) => compiler.compile(operand))
  let last = parts.pop() ?? constant(null)
  for (const part of parts.reverse()) last = until ? orElse(part, last) : andThen(part, last)
  return last
}

function andThen(first: Expression, second: Expression): Expression {
  return (data, frame) => {
    const value = first(data, frame)
    return value === true || (value !== false && truthy(value)) ? second(data, frame) : value
  }
}

function orElse(first: Expression, second: Expression): Expression {
  return (data, frame) => {
    const value = first(data, frame)
    return value === true || (value !== false && truthy(value)) ? value : second(data, frame)
  }
}

/** `!`: whether the value is false. */
export const not: Operator = (operands, compiler) => {
  const part = compiler.compile(operands[0] ?? null)
  return (data, frame) => !truthy(part(data, frame))
}

/** `!!`: whether the value is true. */
export const isTrue: Operator = (operands, compiler) => {
  const part = compiler.compile(operands[0] ?? null)
  return (data, frame) => truthy(part(data, frame))
}

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
