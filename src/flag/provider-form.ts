import { type CompiledFlag, mistakeIn } from './compile.ts'
import { expandRule } from './expand.ts'

type Rules = Readonly<Record<string, unknown>>

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
  const rule = targeting === undefined ? undefined : (expandRule(targeting, segments) ?? targeting)
  const ownMetadata = Object.keys(metadata).length > 0 ? metadata : undefined
  return JSON.stringify({
    state,
    defaultVariant: defaultVariant ?? '',
    variants,
    targeting: rule,
    metadata: ownMetadata,
  })
}
