import { type Bucketing, type Definition, isRecord, type Metadata } from './definition.ts'
import { shorten } from './error.ts'
import { type Answers, type Evaluable, type Evaluation, type FlagType, fail, type Success, typeOf } from './evaluate.ts'
import { RuleFault } from './rules/expression.ts'
import { type CompiledRule, compileRule, type Segments } from './rules/rule.ts'

/** One flag, ready to answer. */
export type CompiledFlag = Evaluable & {
  readonly definition: Definition
  /** The set's metadata overlaid by the flag's own. */
  readonly metadata: Metadata
  /** The type of its variants; undefined when they differ or have none. */
  readonly type: FlagType | undefined
}

/** What a flag's set says to each of its flags. */
export type Surroundings = { readonly segments: Segments; readonly metadata: Metadata; readonly bucketing: Bucketing }

/**
 * Makes a flag that can answer; it is compiled when it is first asked for, since a replica that has just started is
 * asked for few of its flags. Never throws: a definition that makes no sense answers PARSE_ERROR, and harms no other.
 */
export function compileFlag(key: string, definition: Definition, surroundings: Surroundings): CompiledFlag {
  return new LazyFlag(key, definition, surroundings)
}

/** The same of a definition that is JSON text, which is read when the flag is first asked for. */
export function compileText(key: string, text: string, surroundings: Surroundings): CompiledFlag {
  return new LazyFlag(key, UNREAD, surroundings, text)
}

/** The definition of a flag as JSON text: as it came, where nobody asked for it yet. */
export function textOf(flag: CompiledFlag): string {
  return (flag instanceof LazyFlag ? flag.unread : undefined) ?? JSON.stringify(flag.definition)
}

/** The definition of a flag as JSON text, while it has not been read; undefined afterwards. */
export const unreadText = (flag: CompiledFlag): string | undefined =>
  flag instanceof LazyFlag ? flag.unread : undefined

type Compiled = { readonly metadata: Metadata; readonly type: FlagType | undefined; readonly answers: Answers }

/** Stands for a definition that is text still. */
const UNREAD: Definition = { state: 'DISABLED', variants: {} }

class LazyFlag implements CompiledFlag {
  readonly key: string
  readonly #surroundings: Surroundings
  #definition: Definition
  #text: string | undefined
  #compiled: Compiled | undefined

  constructor(key: string, definition: Definition, surroundings: Surroundings, text?: string) {
    this.key = key
    this.#definition = definition
    this.#surroundings = surroundings
    this.#text = text
  }

  /** The text of a definition that nobody has asked for yet. */
  get unread(): string | undefined {
    return this.#text
  }

  get definition(): Definition {
    if (this.#text !== undefined) {
      this.#definition = parse(this.#text)
      this.#text = undefined
    }
    return this.#definition
  }

  get answers(): Answers {
    return this.#ready().answers
  }

  get metadata(): Metadata {
    return this.#ready().metadata
  }

  get type(): FlagType | undefined {
    return this.#ready().type
  }

  #ready(): Compiled {
    this.#compiled ??= compile(this.key, this.definition, this.#surroundings)
    return this.#compiled
  }
}

const NOTHING = 'null'

/** Whatever the text says is looked at as any definition is; what is no JSON is none. */
function parse(text: string): Definition {
  try {
    return JSON.parse(text)
  } catch {
    return JSON.parse(NOTHING)
  }
}

type Flag = { readonly key: string; readonly definition: Definition; readonly metadata: Metadata }

const NO_MATCHES: ReadonlyMap<string, Success> = new Map()

function compile(key: string, definition: Definition, surroundings: Surroundings): Compiled {
  const metadata = mergeMetadata(surroundings.metadata, definition)
  const flag = { key, definition, metadata }
  const always = (otherwise: Evaluation): Answers => ({
    rule: undefined,
    otherwise,
    matches: NO_MATCHES,
    readsClock: false,
  })
  const mistake = mistakeIn(definition)
  if (mistake !== undefined) return { metadata, type: undefined, answers: always(fail(flag, 'PARSE_ERROR', mistake)) }
  const { state, variants, targeting } = definition
  const type = commonType(variants)
  if (state === 'DISABLED') return { metadata, type, answers: always(Object.freeze({ key, reason: state, metadata })) }
  if (!hasRule(targeting)) return { metadata, type, answers: always(defaultAnswer(flag, 'STATIC')) }
  if (targeting === null) return { metadata, type, answers: always(defaultAnswer(flag, 'DEFAULT')) }
  const compiled = compileTargeting(targeting, surroundings)
  if (compiled instanceof RuleFault)
    return { metadata, type, answers: always(fail(flag, compiled.code, compiled.message)) }
  const matches = new Map<string, Success>()
  for (const variant of Object.keys(variants)) matches.set(variant, answer(flag, variant, 'TARGETING_MATCH'))
  const { expression: rule, readsClock } = compiled
  return { metadata, type, answers: { rule, otherwise: defaultAnswer(flag, 'DEFAULT'), matches, readsClock } }
}

/** The flag's metadata over the set's. */
function mergeMetadata(set: Metadata, definition: Definition): Metadata {
  const own = isRecord(definition) ? definition.metadata : undefined
  return isRecord(own) ? Object.freeze({ ...set, ...own }) : set
}

/** A flag without a member `targeting`, or with {}, has no rule. As in flagd, null is a rule: one that names no variant. */
function hasRule(targeting: unknown): boolean {
  if (targeting === undefined) return false
  return !isRecord(targeting) || Object.keys(targeting).length > 0
}

/** What a stored definition can be refused for as a whole; everything else fails only where a rule reaches it. */
export function mistakeIn(definition: Definition): string | undefined {
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

function defaultAnswer(flag: Flag, reason: 'STATIC' | 'DEFAULT'): Evaluation {
  const variant = flag.definition.defaultVariant
  if (variant) return answer(flag, variant, reason)
  return Object.freeze({ key: flag.key, reason: 'DEFAULT', metadata: flag.metadata })
}

type Reason = 'STATIC' | 'DEFAULT' | 'TARGETING_MATCH'

function answer({ key, definition, metadata }: Flag, variant: string, reason: Reason): Success {
  return Object.freeze({ key, value: definition.variants[variant], variant, reason, metadata })
}

function commonType(variants: Readonly<Record<string, unknown>>): FlagType | undefined {
  let common: FlagType | undefined
  for (const name of Object.keys(variants)) {
    const type = typeOf(variants[name])
    if (type === undefined || (common !== undefined && common !== type)) return undefined
    common = type
  }
  return common
}
