import type { Bucketing, Definition, Metadata } from './definition.ts'
import { type Evaluable, type Evaluation, type FlagType, fail, type Success, typeOf } from './evaluate.ts'
import { RuleFault } from './expression.ts'
import { type CompiledRule, compileRule, type Segments } from './rule.ts'
import { isRecord } from './value.ts'
import { shorten } from './words.ts'

/** One flag, ready to answer. */
export type CompiledFlag = Evaluable & {
  readonly definition: Definition
  /** The set's metadata overlaid by the flag's own. */
  readonly metadata: Metadata
  /** The type of its variants; undefined when they differ or have none. */
  readonly type: FlagType | undefined
  /** The segments that its rule refers to itself. */
  readonly uses: ReadonlySet<string>
}

/** What a flag's set says to each of its flags. */
export type Surroundings = { readonly segments: Segments; readonly metadata: Metadata; readonly bucketing: Bucketing }

const NONE: ReadonlySet<string> = new Set()

/** Compiles one flag. Never throws: a definition that makes no sense answers PARSE_ERROR, and harms no other. */
export function compileFlag(key: string, definition: Definition, surroundings: Surroundings): CompiledFlag {
  const metadata = mergeMetadata(surroundings.metadata, definition)
  const base = { key, definition, metadata, uses: NONE, rule: undefined, matches: new Map<string, Success>() }
  const mistake = mistakeIn(definition)
  if (mistake !== undefined) return { ...base, type: undefined, otherwise: fail(base, 'PARSE_ERROR', mistake) }
  const { state, variants, targeting } = definition
  const type = commonType(variants)
  if (state === 'DISABLED') return { ...base, type, otherwise: Object.freeze({ key, reason: state, metadata }) }
  if (!hasRule(targeting)) return { ...base, type, otherwise: defaultAnswer(base, 'STATIC') }
  const rule = compileTargeting(targeting, surroundings)
  if (rule instanceof RuleFault) return { ...base, type, otherwise: fail(base, rule.code, rule.message) }
  for (const variant of Object.keys(variants)) base.matches.set(variant, answer(base, variant, 'TARGETING_MATCH'))
  return { ...base, type, rule: rule.expression, uses: rule.uses, otherwise: defaultAnswer(base, 'DEFAULT') }
}

/** The flag's metadata over the set's. */
function mergeMetadata(set: Metadata, definition: Definition): Metadata {
  const own = isRecord(definition) ? definition.metadata : undefined
  return isRecord(own) ? Object.freeze({ ...set, ...own }) : set
}

/** Nothing, null and {} are all no rule. */
function hasRule(targeting: unknown): boolean {
  if (targeting === undefined || targeting === null) return false
  return !isRecord(targeting) || Object.keys(targeting).length > 0
}

/** What a stored definition can be refused for as a whole; everything else fails only where a rule reaches it. */
function mistakeIn(definition: Definition): string | undefined {
  if (!isRecord(definition)) return 'Flag is not an object'
  const { state, variants, defaultVariant } = definition
  if (state !== 'ENABLED' && state !== 'DISABLED') return `Unknown state ${shorten(state)}`
  if (!isRecord(variants)) return 'Flag has no variants'
  if (defaultVariant === undefined || defaultVariant === null || defaultVariant === '') return undefined
  if (typeof defaultVariant === 'string' && Object.hasOwn(variants, defaultVariant)) return undefined
  return `Default variant ${shorten(defaultVariant)} is no variant`
}

function compileTargeting(targeting: unknown, { segments, bucketing }: Surroundings): CompiledRule | RuleFault {
  try {
    return compileRule(targeting, segments, bucketing)
  } catch (error) {
    if (error instanceof RuleFault) return error
    throw error
  }
}

function defaultAnswer(
  flag: Pick<CompiledFlag, 'key' | 'definition' | 'metadata'>,
  reason: 'STATIC' | 'DEFAULT',
): Evaluation {
  const variant = flag.definition.defaultVariant
  if (variant) return answer(flag, variant, reason)
  return Object.freeze({ key: flag.key, reason: 'DEFAULT', metadata: flag.metadata })
}

type Reason = 'STATIC' | 'DEFAULT' | 'TARGETING_MATCH'

function answer(
  { key, definition, metadata }: Pick<CompiledFlag, 'key' | 'definition' | 'metadata'>,
  variant: string,
  reason: Reason,
): Success {
  return Object.freeze({ key, value: definition.variants[variant], variant, reason, metadata })
}

function commonType(variants: Readonly<Record<string, unknown>>): FlagType | undefined {
  const types = new Set(Object.values(variants).map(typeOf))
  const [type] = types
  return types.size === 1 ? type : undefined
}
