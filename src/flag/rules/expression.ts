import { type Bucketing, PRODUCT_LENGTH_MAX, STEPS_MAX, VALUE_DEPTH_MAX } from '../definition.ts'

/** What one evaluation carries besides the data in view. Made per evaluation, so compiled rules hold no state. */
export type Frame = {
  readonly flagKey: string
  /** Unix seconds. */
  readonly now: number
  /** The caller's context: the data in view, except inside `map`, `filter`, `reduce`, `all`, `some` and `none`. */
  readonly context: unknown
  /** The context with `$flagd` in it; made when a rule asks for the whole of it. */
  whole: unknown
  steps: number
}

/** A compiled rule: its value for the data in view. Throws `RuleFault` only. */
export type Expression = (data: unknown, frame: Frame) => unknown

/** A shared rule (flagd's `$evaluators`), compiled once for all flags that use it. */
export type Segment = {
  readonly expression: Expression
  readonly nodes: number
  readonly depth: number
  /** The values of a segment that is a plain list, for `in`. */
  readonly members: ReadonlySet<unknown> | undefined
  readonly readsClock: boolean
  /** Why it is too deep or too large; so is every rule that refers to it. */
  readonly fault: RuleFault | undefined
}

/** What an operator needs to compile its operands. */
export type Compiler = {
  readonly bucketing: Bucketing
  /** How many nodes were compiled so far; the difference is what one pass over a rule costs. */
  readonly nodes: number
  compile(rule: unknown): Expression
  /** Says that the rule may read what time it is. */
  noteClock(): void
  /** The values of `rule` when it is a plain list, written here or as a segment. */
  members(rule: unknown): ReadonlySet<unknown> | undefined
}

/** Compiles one operator from its operands as written; a lone operand without brackets arrives as a list of one. */
export type Operator = (operands: readonly unknown[], compiler: Compiler, written: unknown) => Expression

/** Why a rule has no value: it is broken (PARSE_ERROR), or this evaluation of it costs too much (GENERAL). */
export class RuleFault extends Error {
  override readonly name = 'RuleFault'
  readonly code: 'PARSE_ERROR' | 'GENERAL'

  constructor(code: 'PARSE_ERROR' | 'GENERAL', message: string) {
    super(message)
    this.code = code
  }
}

/** Takes `steps` from what this evaluation may spend; throws when that is used up. */
export function spend(frame: Frame, steps: number): void {
  frame.steps += steps
  if (frame.steps > STEPS_MAX) throw new RuleFault('GENERAL', `Evaluation takes more than ${STEPS_MAX} steps`)
}

/** An expression that is always `value`. */
export function constant(value: unknown): Expression {
  return () => value
}

/** An expression that fails when, and only when, it is reached. */
export function broken(message: string): Expression {
  const fault = new RuleFault('PARSE_ERROR', message)
  return () => {
    throw fault
  }
}

/** Whether `rule` is a plain value, which no evaluation changes. */
export function isScalar(rule: unknown): boolean {
  return typeof rule !== 'object' || rule === null
}

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

/** JSONLogic's truth: false, 0, NaN, "", null, [] and {} are false, everything else ("0" too) is true. */
export function truthy(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return Boolean(value)
  if (Array.isArray(value)) return value.length > 0
  for (const key in value) if (Object.hasOwn(value, key)) return true
  return false
}

/** Charges for work that grows with a text's length; short ones are free. */
export function weigh(text: string, frame: Frame): void {
  if (text.length > 256) spend(frame, text.length >> 6)
}

/** The number to compare `value` by, as JavaScript converts it; NaN when it has none. Lists and objects have none. */
export function toComparable(value: unknown, frame: Frame): number {
  if (typeof value === 'number') return value
  if (typeof value === 'string') {
    weigh(value, frame)
    return Number(value)
  }
  if (typeof value === 'boolean') return value ? 1 : 0
  return value === null || value === undefined ? 0 : Number.NaN
}

/** The number to calculate with; 0 when `value` has none, as flagd in Go does. */
export function toNumber(value: unknown, frame: Frame): number {
  if (typeof value === 'number') return value
  const number = toComparable(value, frame)
  return Number.isNaN(number) ? 0 : number
}

/** The text of `value`: null is empty, a list is its items between commas. Charges for its length. */
export function toText(value: unknown, frame: Frame, depth = 0): string {
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

/** Hands back a text that a rule has made, after charging for it. */
export function checkText(text: string, frame: Frame): string {
  spend(frame, 1 + (text.length >> 6))
  if (text.length > PRODUCT_LENGTH_MAX) throw new RuleFault('GENERAL', `Text is longer than ${PRODUCT_LENGTH_MAX}`)
  return text
}

/** `==` of JSONLogic: null equals only null, texts compare as texts, everything else as numbers. */
export function looselyEqual(left: unknown, right: unknown, frame: Frame): boolean {
  if (typeof left === 'string' && typeof right === 'string') return sameText(left, right, frame)
  if (left === right) return true
  if (left === null || left === undefined) return right === null || right === undefined
  if (right === null || right === undefined) return false
  return toComparable(left, frame) === toComparable(right, frame)
}

/** `===` of JSONLogic: same type and same value; missing counts as null. */
export function strictlyEqual(left: unknown, right: unknown, frame: Frame): boolean {
  if (typeof left === 'string' && typeof right === 'string') return sameText(left, right, frame)
  return (left ?? null) === (right ?? null)
}

function sameText(left: string, right: string, frame: Frame): boolean {
  if (left.length !== right.length) return false
  weigh(left, frame)
  return left === right
}
