import { type Definition, isRecord, type Metadata } from './definition.ts'
import { shorten } from './error.ts'
import {
  type Evaluable,
  type Evaluation,
  type EvaluationPlan,
  type FlagType,
  fail,
  type Success,
  typeOf,
} from './evaluate.ts'
import { RuleFault } from './rules/expression.ts'
import { type CompiledRule, compileRule, type RuleScope } from './rules/rule.ts'

/** A flag that can be evaluated. Compiled with its first evaluation. */
export type CompiledFlag = Evaluable & {
  readonly definition: Definition
  /** The metadata of the flag set, overridden by the flag's own. */
  readonly metadata: Metadata
  /** The common type of all variants; undefined if they have none. */
  readonly type: FlagType | undefined
}

/** What a flag inherits from its flag set. */
export type FlagSetScope = RuleScope & { readonly metadata: Metadata }

/**
 * Prepares a flag. It is compiled with its first evaluation, because a replica that has just started evaluates few of its
 * flags. Never throws: an invalid definition evaluates to PARSE_ERROR and affects no other flag.
 */
export function compileFlag(key: string, definition: Definition, scope: FlagSetScope): CompiledFlag {
  return new LazyFlag(key, definition, scope)
}

/** Like `compileFlag()`, for a definition that is JSON text. The text is parsed when it is first needed. */
export function compileText(key: string, text: string, scope: FlagSetScope): CompiledFlag {
  return new LazyFlag(key, UNPARSED, scope, text)
}

/** The definition of a flag as JSON text, without parsing it. */
export function textOf(flag: CompiledFlag): string {
  return unparsedText(flag) ?? JSON.stringify(flag.definition)
}

/** The JSON text of a definition that is not parsed yet; undefined afterwards. */
export const unparsedText = (flag: CompiledFlag): string | undefined =>
  flag instanceof LazyFlag ? flag.unparsed : undefined

type Compiled = Pick<CompiledFlag, 'metadata' | 'type' | 'plan'>

/** Placeholder for a definition that is not parsed yet. */
const UNPARSED: Definition = { state: 'DISABLED', variants: {} }

class LazyFlag implements CompiledFlag {
  readonly key: string
  readonly #scope: FlagSetScope
  #definition: Definition
  #text: string | undefined
  #compiled: Compiled | undefined

  constructor(key: string, definition: Definition, scope: FlagSetScope, text?: string) {
    this.key = key
    this.#definition = definition
    this.#scope = scope
    this.#text = text
  }

  get unparsed(): string | undefined {
    return this.#text
  }

  get definition(): Definition {
    if (this.#text !== undefined) {
      this.#definition = parse(this.#text)
      this.#text = undefined
    }
    return this.#definition
  }

  get plan(): EvaluationPlan {
    return this.#compile().plan
  }

  get metadata(): Metadata {
    return this.#compile().metadata
  }

  get type(): FlagType | undefined {
    return this.#compile().type
  }

  #compile(): Compiled {
    this.#compiled ??= compile(this.key, this.definition, this.#scope)
    return this.#compiled
  }
}

/** Text that is not JSON is an invalid definition. */
function parse(text: string): Definition {
  try {
    return JSON.parse(text)
  } catch {
    return JSON.parse('null')
  }
}

type Definable = { readonly key: string; readonly definition: Definition; readonly metadata: Metadata }

function compile(key: string, definition: Definition, scope: FlagSetScope): Compiled {
  const metadata = mergeMetadata(scope.metadata, definition)
  const flag = { key, definition, metadata }
  const error = definitionError(definition)
  if (error !== undefined) return { metadata, type: undefined, plan: constantPlan(fail(flag, 'PARSE_ERROR', error)) }
  return { metadata, type: commonType(definition.variants), plan: planOf(flag, scope) }
}

function planOf(flag: Definable, scope: FlagSetScope): EvaluationPlan {
  const { key, definition, metadata } = flag
  const { state, variants, targeting } = definition
  if (state === 'DISABLED') return constantPlan(Object.freeze({ key, reason: state, metadata }))
  if (!hasRule(targeting)) return constantPlan(defaultResult(flag, 'STATIC'))
  if (targeting === null) return constantPlan(defaultResult(flag, 'DEFAULT'))
  const compiled = compileTargeting(targeting, scope)
  if (compiled instanceof RuleFault) return constantPlan(fail(flag, compiled.code, compiled.message))
  const matches = new Map<string, Success>()
  for (const variant of Object.keys(variants)) matches.set(variant, success(flag, variant, 'TARGETING_MATCH'))
  const { expression: rule, readsClock } = compiled
  return { rule, fallback: defaultResult(flag, 'DEFAULT'), matches, readsClock }
}

const NO_MATCHES: ReadonlyMap<string, Success> = new Map()

const constantPlan = (fallback: Evaluation): EvaluationPlan => ({
  rule: undefined,
  fallback,
  matches: NO_MATCHES,
  readsClock: false,
})

function mergeMetadata(set: Metadata, definition: Definition): Metadata {
  const own = isRecord(definition) ? definition.metadata : undefined
  return isRecord(own) ? Object.freeze({ ...set, ...own }) : set
}

/** Without `targeting`, or with {}, a flag has no rule. As in flagd, null is a rule that names no variant. */
function hasRule(targeting: unknown): boolean {
  if (targeting === undefined) return false
  return !isRecord(targeting) || Object.keys(targeting).length > 0
}

/** Why a stored definition is invalid as a whole. Errors within a rule count only when an evaluation reaches them. */
export function definitionError(definition: Definition): string | undefined {
  if (!isRecord(definition)) return 'Flag is not an object'
  const { state, variants, defaultVariant } = definition
  if (state !== 'ENABLED' && state !== 'DISABLED') return `Unknown state ${shorten(state)}`
  if (!isRecord(variants)) return 'Flag has no variants'
  if (defaultVariant === undefined || defaultVariant === null || defaultVariant === '') return undefined
  if (typeof defaultVariant === 'string' && Object.hasOwn(variants, defaultVariant)) return undefined
  return `Default variant ${shorten(defaultVariant)} is no variant`
}

function compileTargeting(targeting: unknown, scope: RuleScope): CompiledRule | RuleFault {
  try {
    return compileRule(targeting, scope)
  } catch (error) {
    if (error instanceof RuleFault) return error
    throw error
  }
}

function defaultResult(flag: Definable, reason: 'STATIC' | 'DEFAULT'): Evaluation {
  const variant = flag.definition.defaultVariant
  if (variant) return success(flag, variant, reason)
  return Object.freeze({ key: flag.key, reason: 'DEFAULT', metadata: flag.metadata })
}

function success({ key, definition, metadata }: Definable, variant: string, reason: Success['reason']): Success {
  return Object.freeze({ key, value: definition.variants[variant], variant, reason, metadata })
}

function commonType(variants: Definition['variants']): FlagType | undefined {
  const [first, ...others] = new Set(Object.values(variants).map(typeOf))
  return others.length === 0 ? first : undefined
}
