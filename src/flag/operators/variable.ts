import { isRecord } from '../definition.ts'
import {
  type Compiler,
  type Expression,
  type Frame,
  isScalar,
  type Operator,
  spend,
  toNumber,
} from '../rules/expression.ts'

const FLAGD = '$flagd'

/** `var`: the value at a path, `[path, default]` for one that may be missing. "" is all the data in view. */
export const variable: Operator = (operands, compiler) => {
  const read = readerOf(operands[0], compiler)
  if (operands.length < 2) return read
  const instead = compiler.compile(operands[1])
  return (data, frame) => read(data, frame) ?? instead(data, frame)
}

/** `missing`: which of the paths have no value. */
export const missing: Operator = (operands, compiler, written) => {
  const paths = listOf(operands, compiler, written)
  return (data, frame) => missingOf(paths(data, frame), data, frame)
}

/** `missing_some`: [] when at least so many of the paths have a value, else those that have none. */
export const missingSome: Operator = (operands, compiler) => {
  const least = compiler.compile(operands[0] ?? null)
  const paths = compiler.compile(operands[1] ?? null)
  return (data, frame) => {
    const wanted = paths(data, frame)
    const list = Array.isArray(wanted) ? wanted : []
    const absent = missingOf(list, data, frame)
    return list.length - absent.length >= toNumber(least(data, frame), frame) ? [] : absent
  }
}

function listOf(operands: readonly unknown[], compiler: Compiler, written: unknown) {
  const list = compiler.compile(Array.isArray(written) ? operands : written)
  return (data: unknown, frame: Frame): readonly unknown[] => {
    const value = list(data, frame)
    // {"missing": [["a", "b"]]} and {"missing": {"merge": …}} both name their paths in a list.
    const inner = Array.isArray(value) && Array.isArray(value[0]) ? value[0] : value
    return Array.isArray(inner) ? inner : [inner]
  }
}

function missingOf(paths: readonly unknown[], data: unknown, frame: Frame): unknown[] {
  spend(frame, paths.length)
  // As in flagd, "" is a value; only jsonlogic.com's own engine takes it for missing.
  return paths.filter((path) => readWritten(path, data, frame) === null)
}

function readerOf(path: unknown, compiler: Compiler): Expression {
  if (mayReadClock(path)) compiler.noteClock()
  if (isScalar(path)) return compilePath(path)
  const written = compiler.compile(path)
  return (data, frame) => readWritten(written(data, frame), data, frame)
}

/** `$flagd.timestamp` by name, as part of a whole, or by a path that only an evaluation knows. */
function mayReadClock(path: unknown): boolean {
  if (typeof path === 'number' || typeof path === 'boolean') return false
  if (typeof path !== 'string' || path === '') return true
  const [first, second] = stepsOf(path)
  return first === FLAGD && second !== 'flagKey'
}

/** flagd in Go passes over empty steps: "a..b" is "a.b". */
const stepsOf = (path: string): string[] => path.split('.').filter((step) => step !== '')

/** A path that is known only now, because a rule made it. */
function readWritten(path: unknown, data: unknown, frame: Frame): unknown {
  if (!isScalar(path)) return null
  if (typeof path === 'string') spend(frame, path.length >> 2)
  return compilePath(path)(data, frame)
}

function compilePath(path: unknown): Expression {
  if (path === '' || path === null || path === undefined) return wholeOf
  if (typeof path !== 'string' && typeof path !== 'number') return () => null
  const [first, ...rest] = stepsOf(String(path))
  if (first === undefined) return () => null
  if (first === FLAGD) return compileFlagd(rest)
  if (rest.length === 0) return (data) => own(data, first) ?? null
  const [second, ...more] = rest
  if (second !== undefined && more.length === 0) return (data) => own(own(data, first), second) ?? null
  return (data) => walk(own(data, first), rest)
}

/** `$flagd` is in view only where the context is; a context's own `$flagd` never is. */
function compileFlagd(rest: readonly string[]): Expression {
  const [property] = rest
  const elsewhere: Expression = (data) => walk(own(data, FLAGD), rest)
  if (property === undefined) return (data, frame) => (data === frame.context ? flagdOf(frame) : elsewhere(data, frame))
  if (rest.length > 1) return (data, frame) => (data === frame.context ? null : elsewhere(data, frame))
  if (property === 'flagKey') return (data, frame) => (data === frame.context ? frame.flagKey : elsewhere(data, frame))
  if (property === 'timestamp') return (data, frame) => (data === frame.context ? frame.now : elsewhere(data, frame))
  return (data, frame) => (data === frame.context ? null : elsewhere(data, frame))
}

function flagdOf(frame: Frame): object {
  return { flagKey: frame.flagKey, timestamp: frame.now }
}

function wholeOf(data: unknown, frame: Frame): unknown {
  if (data !== frame.context || !isRecord(data)) return data ?? null
  frame.whole ??= { ...data, [FLAGD]: flagdOf(frame) }
  return frame.whole
}

function walk(start: unknown, path: readonly string[]): unknown {
  let value = start
  for (const step of path) value = own(value, step)
  return value ?? null
}

/** Own properties only: no rule ever sees a prototype. Of a list, an index or `length`. */
function own(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Readonly<Record<string, unknown>>)[name]
}
