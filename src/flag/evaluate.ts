import type { Context, Metadata } from './definition.ts'
import { shorten } from './error.ts'
import { type EvaluationFrame, type Expression, RuleFault } from './rules/expression.ts'

/** The types of a flag's value. Lists and null have none of them. */
export type FlagType = 'boolean' | 'string' | 'number' | 'object'

/** A successful evaluation. Without `value` and `variant` the application's default applies (DISABLED, or no default variant). */
export type Success = {
  readonly key: string
  readonly value?: unknown
  readonly variant?: string
  readonly reason: 'STATIC' | 'DEFAULT' | 'TARGETING_MATCH' | 'DISABLED'
  readonly metadata: Metadata
}

/** A failed evaluation. `errorDetails` may quote the rule, so only callers that may read rules may see it. */
export type Failure = {
  readonly key: string
  readonly errorCode: 'FLAG_NOT_FOUND' | 'PARSE_ERROR' | 'TYPE_MISMATCH' | 'GENERAL'
  readonly errorDetails: string
  readonly reason: 'ERROR'
  readonly metadata: Metadata
}

/** The result of an evaluation; `reason === 'ERROR'` marks a failure. Frozen, and shared between evaluations. */
export type Evaluation = Success | Failure

/** All possible results of a flag, created at compile time. */
export type EvaluationPlan = {
  /** Undefined if the result is always `fallback`. */
  readonly rule: Expression | undefined
  /** The result if the rule names no variant. */
  readonly fallback: Evaluation
  /** The result for each variant that the rule may name. */
  readonly matches: ReadonlyMap<string, Success>
  /** Whether the result may depend on the time as well as on the context. */
  readonly readsClock: boolean
}

/** A flag, as far as an evaluation reads it. */
export type Evaluable = { readonly key: string; readonly metadata: Metadata; readonly plan: EvaluationPlan }

/** A flag set, as far as an evaluation reads it. */
export type EvaluableSet = { readonly flags: ReadonlyMap<string, Evaluable>; readonly metadata: Metadata }

/**
 * Evaluates one flag for `context` at `now` (unix seconds). Pure: no clock, no I/O, never throws.
 * With `type`, a value of another type is a TYPE_MISMATCH; 'integer' is a number without a fraction.
 */
export function evaluate(flag: Evaluable, context: Context, now: number, type?: FlagType | 'integer'): Evaluation {
  const evaluation = run(flag, context, now)
  if (type === undefined || evaluation.reason === 'ERROR' || evaluation.variant === undefined) return evaluation
  const { value } = evaluation
  if (type === 'integer' ? Number.isInteger(value) : typeOf(value) === type) return evaluation
  const details = `Flag ${shorten(flag.key)} is ${shorten(value)}, which is not of type ${type}`
  return fail(flag, 'TYPE_MISMATCH', details)
}

/** Evaluates the flag `key` of a set; FLAG_NOT_FOUND, with the metadata of the set, if it does not exist. */
// biome-ignore lint/complexity/useMaxParams: an options object would be created for each evaluation
export function evaluateKey(
  set: EvaluableSet,
  key: string,
  context: Context,
  now: number,
  type?: FlagType | 'integer',
): Evaluation {
  const flag = set.flags.get(key)
  if (flag !== undefined) return evaluate(flag, context, now, type)
  return fail({ key, metadata: set.metadata }, 'FLAG_NOT_FOUND', `Flag ${shorten(key)} does not exist`)
}

/** Creates the result of a failed evaluation. */
export function fail(
  flag: Pick<Evaluable, 'key' | 'metadata'>,
  errorCode: Failure['errorCode'],
  errorDetails: string,
): Failure {
  return Object.freeze({ key: flag.key, errorCode, errorDetails, reason: 'ERROR', metadata: flag.metadata })
}

function run(flag: Evaluable, context: Context, now: number): Evaluation {
  try {
    const { plan } = flag
    if (plan.rule === undefined) return plan.fallback
    const frame: EvaluationFrame = { flagKey: flag.key, now, context, whole: undefined, steps: 0 }
    return resultOf(flag, plan, plan.rule(context, frame))
  } catch (error) {
    if (error instanceof RuleFault) return fail(flag, error.code, error.message)
    // Impossible with a context parsed from JSON. Getters may throw, and the call stack may be almost full.
    return fail({ key: flag.key, metadata: {} }, 'GENERAL', `Cannot evaluate flag ${shorten(flag.key)}`)
  }
}

/** The result for the value of a rule. As in flagd, booleans and numbers name variants too. */
function resultOf(flag: Evaluable, plan: EvaluationPlan, value: unknown): Evaluation {
  if (typeof value === 'string') return plan.matches.get(value) ?? resultNamed(flag, plan, value)
  if (value === null || value === undefined) return plan.fallback
  if (typeof value === 'boolean') return resultNamed(flag, plan, String(value))
  if (typeof value === 'number') {
    // NaN and Infinity are null in JSON.
    return Number.isFinite(value) ? resultNamed(flag, plan, String(value)) : plan.fallback
  }
  return fail(flag, 'GENERAL', `Rule gives ${shorten(value)}, not the name of a variant`)
}

/** As in flagd, a name may have spaces around it and quotes in it. */
function resultNamed(flag: Evaluable, { matches }: EvaluationPlan, text: string): Evaluation {
  const found = matches.get(text) ?? matches.get(text.trim().replaceAll('"', ''))
  return found ?? fail(flag, 'GENERAL', `Rule gives ${shorten(text)}, which is no variant of flag ${shorten(flag.key)}`)
}

/** The type of a variant's value; undefined for null and lists. */
export function typeOf(value: unknown): FlagType | undefined {
  const type = typeof value
  if (type === 'object') return value === null || Array.isArray(value) ? undefined : 'object'
  return type === 'boolean' || type === 'string' || type === 'number' ? type : undefined
}

/** Adds static values to the context of each evaluation. */
export type Enrich = (context: Context) => Context

/** Static values override the caller's. */
export function enrichWith(values: Context): Enrich {
  return Object.keys(values).length === 0 ? (context) => context : (context) => ({ ...context, ...values })
}

/**
 * Whether every number in a context is finite. JSON numbers such as 1e400 become Infinity when they are parsed, and a protobuf
 * Struct can hold NaN. Not recursive, so that deep contexts cannot overflow the call stack.
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
