import type { Bucketing } from './definition.ts'
import { STEPS_MAX } from './limits.ts'

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
