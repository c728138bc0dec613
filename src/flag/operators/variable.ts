import { isRecord } from '../definition.ts'
import {
  type Compiler,
  type EvaluationFrame,
  type Expression,
  isScalar,
  type Operator,
  own,
  spend,
  toNumber,
} from '../rules/expression.ts'

const FLAGD = '$flagd'

/** `var`: the value at a path, or `[path, default]`. The path "" is all the data in scope. */
export const variable: Operator = (operands, compiler) => {
  const read = compileRead(operands[0], compiler)
  if (operands.length < 2) return read
  const fallback = compiler.compile(operands[1])
  return (data, frame) => read(data, frame) ?? fallback(data, frame)
}

/** `missing`: the paths that have no value. */
export const missing: Operator = (operands, compiler, written) => {
  const list = compiler.compile(Array.isArray(written) ? operands : written)
  return (data, frame) => {
    const value = list(data, frame)
    // {"missing": [["a", "b"]]} and {"missing": {"merge": …}} both give their paths as a list.
    const paths = Array.isArray(value) && Array.isArray(value[0]) ? value[0] : value
    return missingOf(Array.isArray(paths) ? paths : [paths], data, frame)
  }
}

/** `missing_some`: `[minimum, paths]`; [] if at least `minimum` paths have a value, else the paths that have none. */
export const missingSome: Operator = (operands, compiler) => {
  const minimum = compiler.compile(operands[0] ?? null)
  const paths = compiler.compile(operands[1] ?? null)
  return (data, frame) => {
    const wanted = paths(data, frame)
    const list = Array.isArray(wanted) ? wanted : []
    const absent = missingOf(list, data, frame)
    return list.length - absent.length >= toNumber(minimum(data, frame), frame) ? [] : absent
  }
}

function missingOf(paths: readonly unknown[], data: unknown, frame: EvaluationFrame): unknown[] {
  spend(frame, paths.length)
  // As in flagd, "" is a value; only jsonlogic.com's own engine treats it as missing.
  return paths.filter((path) => readPath(path, data, frame) === null)
}

function compileRead(path: unknown, compiler: Compiler): Expression {
  if (mayReadClock(path)) compiler.noteClock()
  if (isScalar(path)) return compilePath(path)
  const computed = compiler.compile(path)
  return (data, frame) => readPath(computed(data, frame), data, frame)
}

/** Whether a path is `$flagd.timestamp`, an object that contains it, or a path that is computed by each evaluation. */
function mayReadClock(path: unknown): boolean {
  if (typeof path === 'number' || typeof path === 'boolean') return false
  if (typeof path !== 'string' || path === '') return true
  const [first, second] = stepsOf(path)
  return first === FLAGD && second !== 'flagKey'
}

/** The steps of a path. As in flagd, empty steps are skipped: "a..b" is "a.b". */
export const stepsOf = (path: string): string[] => path.split('.').filter((step) => step !== '')

/** Reads a path that a rule computed. */
function readPath(path: unknown, data: unknown, frame: EvaluationFrame): unknown {
  if (!isScalar(path)) return null
  if (typeof path === 'string') spend(frame, path.length >> 2)
  return compilePath(path)(data, frame)
}

function compilePath(path: unknown): Expression {
  if (path === '' || path === null || path === undefined) return readAll
  if (typeof path !== 'string' && typeof path !== 'number') return () => null
  const [first, ...rest] = stepsOf(String(path))
  if (first === undefined) return () => null
  if (first === FLAGD) return compileFlagd(rest)
  if (rest.length === 0) return (data) => own(data, first) ?? null
  const [second, ...more] = rest
  if (second !== undefined && more.length === 0) return (data) => own(own(data, first), second) ?? null
  return (data) => walk(own(data, first), rest)
}

/** `$flagd` is part of the context and hides the context's own `$flagd`. Inside loops it is a property like any other. */
function compileFlagd(path: readonly string[]): Expression {
  const [property] = path
  const outside: Expression = (data) => walk(own(data, FLAGD), path)
  if (path.length === 1 && property === 'flagKey')
    return (data, frame) => (data === frame.context ? frame.flagKey : outside(data, frame))
  if (path.length === 1 && property === 'timestamp')
    return (data, frame) => (data === frame.context ? frame.now : outside(data, frame))
  return (data, frame) => (data === frame.context ? walk(flagdOf(frame), path) : outside(data, frame))
}

function flagdOf(frame: EvaluationFrame): object {
  return { flagKey: frame.flagKey, timestamp: frame.now }
}

function readAll(data: unknown, frame: EvaluationFrame): unknown {
  if (data !== frame.context || !isRecord(data)) return data ?? null
  frame.whole ??= { ...data, [FLAGD]: flagdOf(frame) }
  return frame.whole
}

function walk(start: unknown, path: readonly string[]): unknown {
  let value = start
  for (const step of path) value = own(value, step)
  return value ?? null
}
