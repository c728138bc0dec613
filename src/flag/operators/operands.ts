import { type Compiler, type Frame, isScalar, spend } from '../expression.ts'

/** The values of an operator that takes any number of them, where a lone rule may give the whole list. */
export type Operands = (data: unknown, frame: Frame) => readonly unknown[]

/** Compiles operands to one list of values. */
export function compileOperands(operands: readonly unknown[], compiler: Compiler, written: unknown): Operands {
  const parts = operands.map((operand) => compiler.compile(operand))
  const [lone] = parts
  if (lone === undefined || Array.isArray(written) || isScalar(written))
    return (data, frame) => parts.map((part) => part(data, frame))
  return (data, frame) => {
    const value = lone(data, frame)
    if (!Array.isArray(value)) return [value]
    spend(frame, value.length)
    return value
  }
}
