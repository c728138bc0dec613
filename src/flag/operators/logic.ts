import {
  type Compiler,
  constant,
  type EvaluationFrame,
  type Expression,
  type Operator,
  spendText,
  toComparable,
  truthy,
} from '../rules/expression.ts'

/** `if` and `?:`: pairs of condition and value, then the value if no condition holds (null by default). */
export const conditional: Operator = (operands, compiler) => {
  const parts = operands.map((operand) => compiler.compile(operand))
  // Built from the last pair to the first, so that an evaluation calls closures instead of running a loop.
  let otherwise = (parts.length % 2 === 1 ? parts.pop() : undefined) ?? constant(null)
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

/** `and`: the first operand that is false, else the last one. */
export const and: Operator = (operands, compiler) =>
  chain(operands, compiler, (first, second) => (data, frame) => {
    const value = first(data, frame)
    return value === true || (value !== false && truthy(value)) ? second(data, frame) : value
  })

/** `or`: the first operand that is true, else the last one. */
export const or: Operator = (operands, compiler) =>
  chain(operands, compiler, (first, second) => (data, frame) => {
    const value = first(data, frame)
    return value === true || (value !== false && truthy(value)) ? value : second(data, frame)
  })

type Join = (first: Expression, second: Expression) => Expression

function chain(operands: readonly unknown[], compiler: Compiler, join: Join): Expression {
  const parts = operands.map((operand) => compiler.compile(operand))
  return (
    parts.reduceRight<Expression | undefined>((rest, part) => (rest ? join(part, rest) : part), undefined) ??
    constant(null)
  )
}

/** `!`: whether the operand is false. */
export const not: Operator = (operands, compiler) => {
  const part = compiler.compile(operands[0] ?? null)
  return (data, frame) => !truthy(part(data, frame))
}

/** `!!`: whether the operand is true. */
export const isTrue: Operator = (operands, compiler) => {
  const part = compiler.compile(operands[0] ?? null)
  return (data, frame) => truthy(part(data, frame))
}

type Equality = (left: unknown, right: unknown, frame: EvaluationFrame) => boolean

/** `==`, `!=`, `===` and `!==`: whether `equal` returns `expected` for the two operands. */
export function equality(equal: Equality, expected: boolean): Operator {
  return ([first = null, second = null], compiler) => {
    const left = compiler.compile(first)
    const right = compiler.compile(second)
    if (typeof second === 'string') return equalsText(left, second, equal, expected)
    if (typeof first === 'string') return equalsText(right, first, equal, expected)
    return (data, frame) => equal(left(data, frame), right(data, frame), frame) === expected
  }
}

/** A fast path for the most common condition: an attribute compared with a constant text. */
function equalsText(operand: Expression, text: string, equal: Equality, expected: boolean): Expression {
  return (data, frame) => {
    const value = operand(data, frame)
    if (typeof value === 'string') return (value === text) === expected
    return equal(value, text, frame) === expected
  }
}

/** JSONLogic's `==`: null equals only null, two texts compare as texts, everything else as numbers. */
export function looselyEqual(left: unknown, right: unknown, frame: EvaluationFrame): boolean {
  if (typeof left === 'string' && typeof right === 'string') return equalTexts(left, right, frame)
  if (left === right) return true
  if (left === null || left === undefined) return right === null || right === undefined
  if (right === null || right === undefined) return false
  return toComparable(left, frame) === toComparable(right, frame)
}

/** JSONLogic's `===`: same type and same value; a missing value equals null. */
export function strictlyEqual(left: unknown, right: unknown, frame: EvaluationFrame): boolean {
  if (typeof left === 'string' && typeof right === 'string') return equalTexts(left, right, frame)
  return (left ?? null) === (right ?? null)
}

function equalTexts(left: string, right: string, frame: EvaluationFrame): boolean {
  if (left.length !== right.length) return false
  spendText(left, frame)
  return left === right
}
