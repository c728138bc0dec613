import { type CompiledFlag, mistakeIn } from './compile.ts'
import { RULE_DEPTH_MAX } from './limits.ts'
import { referenceOf } from './rule.ts'

type Rules = Readonly<Record<string, unknown>>

/** In UTF-16 units and values: what no message to a provider could carry. */
const SIZE_MAX = 4_000_000
/** In objects and lists, of which each operator has one of both. */
const DEPTH_MAX = 2 * RULE_DEPTH_MAX
const TOO_LARGE = new Error('A rule is too large')

const texts = new WeakMap<CompiledFlag, string | undefined>()

/**
 * One flag as in-process providers need it, as JSON text: segments put in where the rule refers to them, the set's metadata under its
 * own, and a missing default variant as "", which the Rust provider requires. Undefined for a flag that makes no sense:
 * flagd-core refuses a whole set for one of those. Written once for each flag, since a change replaces few of a set's flags.
 */
export function providerFormOf(flag: CompiledFlag, segments: Rules): string | undefined {
  if (texts.has(flag)) return texts.get(flag)
  const text = mistakeIn(flag.definition) === undefined ? write(flag, segments) : undefined
  texts.set(flag, text)
  return text
}

function write({ definition, metadata }: CompiledFlag, segments: Rules): string {
  const { state, variants, defaultVariant, targeting } = definition
  const rule = targeting === undefined ? undefined : (expand(targeting, segments) ?? targeting)
  const ownMetadata = Object.keys(metadata).length > 0 ? metadata : undefined
  return JSON.stringify({
    state,
    defaultVariant: defaultVariant ?? '',
    variants,
    targeting: rule,
    metadata: ownMetadata,
  })
}

/**
 * The rule with each `{"$ref": name}` replaced by the segment; one that is unknown stays, and fails at the provider as it does here.
 * Undefined for a rule that grows too deep or too large, as one that leads back to itself does.
 */
function expand(rule: unknown, segments: Rules): unknown {
  try {
    return new Expander(segments).expand(rule, 0)
  } catch (error) {
    if (error === TOO_LARGE) return undefined
    throw error
  }
}

class Expander {
  readonly #segments: Rules
  #size = 0

  constructor(segments: Rules) {
    this.#segments = segments
  }

  expand(value: unknown, depth: number): unknown {
    this.#size += typeof value === 'string' ? value.length + 1 : 1
    if (this.#size > SIZE_MAX || depth > DEPTH_MAX) throw TOO_LARGE
    if (typeof value !== 'object' || value === null) return value
    const name = referenceOf(value)
    if (name !== undefined)
      return Object.hasOwn(this.#segments, name) ? this.expand(this.#segments[name], depth + 1) : value
    if (Array.isArray(value)) return value.map((item) => this.expand(item, depth + 1))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.expand(item, depth + 1)]))
  }
}
