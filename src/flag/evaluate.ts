import type { Context, Metadata } from './definition.ts'
import { shorten } from './error.ts'
import { type Expression, type Frame, RuleFault } from './rules/expression.ts'

/** The types that a flag's value can have. A list has none of them. */
export type FlagType = 'boolean' | 'string' | 'number' | 'object'

/** An answer. Without `value` and `variant`, the application's own default applies (DISABLED, or no default variant). */
export type Success = {
  readonly key: string
  readonly value?: unknown
  readonly variant?: string
  readonly reason: 'STATIC' | 'DEFAULT' | 'TARGETING_MATCH' | 'DISABLED'
  readonly metadata: Metadata
}

/** Why there is no answer. `errorDetails` may quote the rule: for whoever may read rules. */
export type Failure = {
  readonly key: string
  readonly errorCode: 'FLAG_NOT_FOUND' | 'PARSE_ERROR' | 'TYPE_MISMATCH' | 'GENERAL'
  readonly errorDetails: string
  readonly reason: 'ERROR'
  readonly metadata: Metadata
}

/** What a flag answers. `reason === 'ERROR'` tells the failures. Frozen, and shared between evaluations. */
export type Evaluation = Success | Failure

/** All that a flag can answer, made beforehand. */
export type Answers = {
  /** Undefined when the answer is always `otherwise`. */
  readonly rule: Expression | undefined
  /** The answer where no rule names a variant. */
  readonly otherwise: Evaluation
  /** The answer for each variant that a rule can name. */
  readonly matches: ReadonlyMap<string, Success>
  /** False: the context alone decides, whatever time it is. */
  readonly readsClock: boolean
}

/** The part of a compiled flag that evaluating reads. */
export type Evaluable = { readonly key: string; readonly metadata: Metadata; readonly answers: Answers }

/** The part of a flag set that evaluating reads. */
export type Evaluables = { readonly flags: ReadonlyMap<string, Evaluable>; readonly metadata: Metadata }

/**
 * Picks the variant of one flag for `context` at `now` (unix seconds). Pure: no clock, no I/O, never throws.
 * With `type`, a value of another type is a TYPE_MISMATCH; 'integer' is a number without a fraction.
 */
export function evaluate(flag: Evaluable, context: Context, now: number, type?: FlagType | 'integer'): Evaluation {
  const evaluation = answer(flag, context, now)
  if (type === undefined || evaluation.reason === 'ERROR' || evaluation.variant === undefined) return evaluation
  return hasType(evaluation.value, type) ? evaluation : mismatch(flag, evaluation.value, type)
}

/** Evaluates the flag `key` of a set; FLAG_NOT_FOUND, with the set's metadata, when there is none. */
// biome-ignore lint/complexity/useMaxParams: an options object or a rest parameter would be made for each evaluation
export function evaluateKey(
  set: Evaluables,
  key: string,
  context: Context,
  now: number,
  type?: FlagType | 'integer',
): Evaluation {
  const flag = set.flags.get(key)
  if (flag !== undefined) return evaluate(flag, context, now, type)
  return fail({ key, metadata: set.metadata }, 'FLAG_NOT_FOUND', `Flag ${shorten(key)} does not exist`)
}

/** Makes the answer of a flag that has none. */
export function fail(
  flag: Pick<Evaluable, 'key' | 'metadata'>,
  errorCode: Failure['errorCode'],
  errorDetails: string,
): Failure {
  return Object.freeze({ key: flag.key, errorCode, errorDetails, reason: 'ERROR', metadata: flag.metadata })
}

function answer(flag: Evaluable, context: Context, now: number): Evaluation {
  try {
    const { answers } = flag
    if (answers.rule === undefined) return answers.otherwise
    const frame: Frame = { flagKey: flag.key, now, context, whole: undefined, steps: 0 }
    return settle(flag, answers, answers.rule(context, frame))
  } catch (error) {
    if (error instanceof RuleFault) return fail(flag, error.code, error.message)
    // A context from JSON never gets here; one with getters, or a stack that was nearly full before, may.
    return fail({ key: flag.key, metadata: {} }, 'GENERAL', `Cannot evaluate flag ${shorten(flag.key)}`)
  }
}

/** The variant that a rule's value names: its text without outer spaces, then without quotes (flagd's `resolve`). */
function settle(flag: Evaluable, answers: Answers, value: unknown): Evaluation {
  if (typeof value === 'string') return answers.matches.get(value) ?? settleText(flag, answers, value)
  if (value === null || value === undefined) return answers.otherwise
  if (typeof value === 'boolean') return settleText(flag, answers, String(value))
  if (typeof value === 'number') {
    // JSON has no text for NaN and Infinity but null.
    return Number.isFinite(value) ? settleText(flag, answers, String(value)) : answers.otherwise
  }
  return fail(flag, 'GENERAL', `Rule gives ${shorten(value)}, not the name of a variant`)
}

function settleText(flag: Evaluable, { matches }: Answers, text: string): Evaluation {
  const found = matches.get(text) ?? matches.get(text.trim().replaceAll('"', ''))
  return found ?? fail(flag, 'GENERAL', `Rule gives ${shorten(text)}, which is no variant of flag ${shorten(flag.key)}`)
}

function hasType(value: unknown, type: FlagType | 'integer'): boolean {
  if (type === 'integer') return Number.isInteger(value)
  return typeOf(value) === type
}

/** The type of a variant's value; undefined for null and lists, which have none. */
export function typeOf(value: unknown): FlagType | undefined {
  switch (typeof value) {
    case 'boolean':
      return 'boolean'
    case 'string':
      return 'string'
    case 'number':
      return 'number'
    case 'object':
      return value === null || Array.isArray(value) ? undefined : 'object'
    default:
      return undefined
  }
}

function mismatch(flag: Evaluable, value: unknown, type: string): Failure {
  return fail(flag, 'TYPE_MISMATCH', `Flag ${shorten(flag.key)} is ${shorten(value)}, which is not of type ${type}`)
}

/** Adds what the operator knows to what the caller says. */
export type Enrich = (context: Context) => Context

/**
 * Whether every number in a context is one. JSON has numbers such as 1e400 that are beyond a double, and become Infinity when they are
 * parsed; a protobuf Struct can hold NaN. No recursion, so that depth cannot overflow the stack.
 */
export function isFiniteContext(context: Context): boolean {
  const pending: object[] = [context]
  for (let object = pending.pop(); object !== undefined; object = pending.pop())
    for (const value of Object.values(object)) {
      if (typeof value === 'number' && !Number.isFinite(value)) return false
      if (typeof value === 'object' && value !== null) pending.push(value)
    }
  return true
}

/** Lays static values over each context: a caller cannot say otherwise. */
export function enrichWith(values: Context): Enrich {
  return Object.keys(values).length === 0 ? (context) => context : (context) => ({ ...context, ...values })
}
