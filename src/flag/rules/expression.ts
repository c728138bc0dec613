import {
  type Bucketing,
  isRecord,
  type JsonRecord,
  PRODUCT_LENGTH_MAX,
  STEPS_MAX,
  VALUE_DEPTH_MAX,
} from '../definition.ts'

/** State of one evaluation, besides the data in scope. Created for each evaluation, so compiled rules are stateless. */
export type EvaluationFrame = {
  readonly flagKey: string
  /** Unix seconds. */
  readonly now: number
  /** The caller's context. It is the data in scope, except inside `map`, `filter`, `reduce`, `all`, `some` and `none`. */
  readonly context: unknown
  /** The context with `$flagd` added; created when a rule reads the whole context. */
  whole: unknown
  steps: number
}

/** A compiled rule: returns its value for the data in scope. Throws `RuleFault` only. */
export type Expression = (data: unknown, frame: EvaluationFrame) => unknown

/** What an operator needs to compile its operands. */
export type Compiler = {
  readonly bucketing: Bucketing
  /** Number of nodes compiled so far. The difference before and after an operand is the cost of evaluating it once. */
  readonly nodes: number
  compile(rule: unknown): Expression
  /** Marks the rule as one that may depend on the time. */
  noteClock(): void
  /** The values of `rule` if it is a list of constants, inline or as a segment. */
  members(rule: unknown): ReadonlySet<unknown> | undefined
}

/** Compiles one operator. `operands` is always a list; `written` is the operand as written, perhaps without brackets. */
export type Operator = (operands: readonly unknown[], compiler: Compiler, written: unknown) => Expression

/** A rule has no value: the rule is invalid (PARSE_ERROR), or this evaluation exceeds a limit (GENERAL). */
export class RuleFault extends Error {
  override readonly name = 'RuleFault'
  readonly code: 'PARSE_ERROR' | 'GENERAL'

  constructor(code: 'PARSE_ERROR' | 'GENERAL', message: string) {
    super(message)
    this.code = code
  }
}

/** An operator with its operands, as written in a rule. */
export type OperatorCall = {
  readonly operator: string
  readonly operands: readonly unknown[]
  /** The operands as written: a list, or a single operand without brackets. */
  readonly written: unknown
}

/** Reads an operator call. Undefined for any other value: as in JSONLogic, an object without exactly one key is data. */
export function operatorCallOf(rule: unknown): OperatorCall | undefined {
  if (!isRecord(rule)) return undefined
  const [operator, ...others] = Object.keys(rule)
  if (operator === undefined || others.length > 0) return undefined
  const written = rule[operator]
  return { operator, operands: Array.isArray(written) ? written : [written], written }
}

/** Operators whose second operand runs for each item of a list, with the item in scope instead of the context. */
export const LOOPS: ReadonlySet<string> = new Set(['map', 'filter', 'reduce', 'all', 'some', 'none'])

/** The name of the segment that `{"$ref": name}` refers to; undefined for any other value. */
export function referenceOf(rule: unknown): string | undefined {
  if (!isRecord(rule) || !Object.hasOwn(rule, '$ref')) return undefined
  const { $ref: name } = rule
  return typeof name === 'string' && Object.keys(rule).length === 1 ? name : undefined
}

/** Adds `steps` to the cost of this evaluation; throws when the limit is exceeded. */
export function spend(frame: EvaluationFrame, steps: number): void {
  frame.steps += steps
  if (frame.steps > STEPS_MAX) throw new RuleFault('GENERAL', `Evaluation takes more than ${STEPS_MAX} steps`)
}

/** An expression that always returns `value`. */
export function constant(value: unknown): Expression {
  return () => value
}

/** An expression that throws PARSE_ERROR when an evaluation reaches it. */
export function broken(message: string): Expression {
  const fault = new RuleFault('PARSE_ERROR', message)
  return () => {
    throw fault
  }
}

/** The own member `name` of an object; of a list, an index or "length". Undefined for an inherited one, such as "constructor". */
export function own<Value>(value: Readonly<Record<string, Value>>, name: string): Value | undefined
export function own(value: unknown, name: string): unknown
export function own(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as JsonRecord)[name]
}

/** Whether `rule` is a constant: a string, number, boolean or null. */
export function isScalar(rule: unknown): boolean {
  return typeof rule !== 'object' || rule === null
}

/** Compiles the operands of a variadic operator. A single operand without brackets may evaluate to the whole list. */
export function compileOperands(
  operands: readonly unknown[],
  compiler: Compiler,
  written: unknown,
): (data: unknown, frame: EvaluationFrame) => readonly unknown[] {
  const parts = operands.map((operand) => compiler.compile(operand))
  const [single] = parts
  if (single === undefined || Array.isArray(written) || isScalar(written))
    return (data, frame) => parts.map((part) => part(data, frame))
  return (data, frame) => {
    const value = single(data, frame)
    if (!Array.isArray(value)) return [value]
    spend(frame, value.length)
    return value
  }
}

/** JSONLogic's truthiness: false, 0, NaN, "", null, [] and {} are false, everything else ("0" too) is true. */
export function truthy(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return Boolean(value)
  if (Array.isArray(value)) return value.length > 0
  for (const key in value) if (Object.hasOwn(value, key)) return true
  return false
}

/** Adds the cost of work that is linear in the length of `text`; short texts are free. */
export function spendText(text: string, frame: EvaluationFrame): void {
  if (text.length > 256) spend(frame, text.length >> 6)
}

/** Converts `value` to a number for a comparison, as JavaScript does. NaN for lists, objects and non-numeric text. */
export function toComparable(value: unknown, frame: EvaluationFrame): number {
  if (typeof value === 'number') return value
  if (typeof value === 'string') {
    spendText(value, frame)
    return Number(value)
  }
  if (typeof value === 'boolean') return value ? 1 : 0
  return value === null || value === undefined ? 0 : Number.NaN
}

/** Converts `value` to a number for arithmetic: like `toComparable`, but 0 instead of NaN, as flagd in Go does. */
export function toNumber(value: unknown, frame: EvaluationFrame): number {
  if (typeof value === 'number') return value
  const number = toComparable(value, frame)
  return Number.isNaN(number) ? 0 : number
}

/** Converts `value` to text: null is empty, a list is its items joined by commas. */
export function toText(value: unknown, frame: EvaluationFrame, depth = 0): string {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return ''
  if (typeof value !== 'object') return String(value)
  if (!Array.isArray(value)) return '[object Object]'
  if (depth > VALUE_DEPTH_MAX) throw new RuleFault('GENERAL', `List nests deeper than ${VALUE_DEPTH_MAX}`)
  let text = ''
  for (let index = 0; index < value.length; index += 1) {
    const item = toText(value[index], frame, depth + 1)
    text = checkText(index === 0 ? item : `${text},${item}`, frame)
  }
  return text
}

/** Returns `text`, which a rule produced, after adding its cost. Throws when it is too long. */
export function checkText(text: string, frame: EvaluationFrame): string {
  spend(frame, 1 + (text.length >> 6))
  if (text.length > PRODUCT_LENGTH_MAX) throw new RuleFault('GENERAL', `Text is longer than ${PRODUCT_LENGTH_MAX}`)
  return text
}
