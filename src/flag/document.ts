import { type CompiledFlag, definitionError } from './compile.ts'
import { type Definition, type FlagSetDocument, isRecord, RULE_DEPTH_MAX, type SegmentRules } from './definition.ts'
import { type Mistake, pointerTo, shorten } from './error.ts'
import { referenceOf } from './rules/expression.ts'

const SCHEMA = 'https://flagd.dev/schema/v0/flags.json'

/** A flag set as a flagd document, as it is stored. Empty members are left out. */
export function documentOf({ flags, segments, metadata, members }: FlagSetDocument) {
  return {
    $schema: SCHEMA,
    ...members,
    flags: Object.fromEntries(flags),
    ...(Object.keys(segments).length > 0 && { $evaluators: segments }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  }
}

/**
 * A flag set as a document that flagd evaluates in the same way. flagd replaces references in a single text substitution, in
 * any order, so segments are expanded in segments, and references that flagd would not find are expanded in flags.
 */
export function portableDocumentOf(document: FlagSetDocument) {
  const { flags, segments } = document
  const portable = Object.entries(segments).map(([name, rule]) => portableSegment(name, rule, segments))
  const found = new Set(portable.filter(({ isFound }) => isFound).map(({ name }) => name))
  const kept = portable.filter(({ text }) => isPortableText(text))
  return documentOf({
    ...document,
    flags: found.size === portable.length ? flags : expandFlags(flags, segments, found),
    segments: Object.fromEntries(kept.map(({ name, rule }) => [name, rule])),
  })
}

type PortableSegment = {
  readonly name: string
  readonly rule: unknown
  readonly text: string
  /** Whether flagd replaces references to it. */
  readonly isFound: boolean
}

/** Patterns that JavaScript replaces in a replacement text (ECMA-262, GetSubstitution). flagd-core inserts segments this way. */
const SUBSTITUTION = /\$[$&`']/

function portableSegment(name: string, stored: unknown, segments: SegmentRules): PortableSegment {
  const expanded = expandRule(stored, segments)
  // A segment that refers to itself stays as it is: it is invalid in flagd as well.
  const rule = expanded === undefined ? stored : expanded
  const text = JSON.stringify(rule)
  const isFound = expanded !== undefined && isPortableName(name) && isPortableText(text) && !SUBSTITUTION.test(text)
  return { name, rule, text, isFound }
}

function expandFlags(
  flags: ReadonlyMap<string, Definition>,
  segments: SegmentRules,
  kept: ReadonlySet<string>,
): Map<string, Definition> {
  const expanded = new Map<string, Definition>()
  for (const [key, flag] of flags) {
    const targeting = expandRule(flag.targeting, segments, (name) => kept.has(name))
    expanded.set(key, targeting === undefined ? flag : { ...flag, targeting })
  }
  return expanded
}

/** Characters that Go's JSON encoder escapes and JavaScript's does not. */
const ESCAPED_IN_GO = /[<>&\u2028\u2029]/
/** flagd treats a shorter rule as empty and rejects the whole document. */
const RULE_LENGTH_MIN = 3

/** Whether flagd finds references to a segment: it searches its JSON text for the unescaped name. */
export function isPortableName(name: string): boolean {
  return JSON.stringify(name) === `"${name}"` && !ESCAPED_IN_GO.test(name)
}

const isPortableText = (text: string): boolean => text.length >= RULE_LENGTH_MIN

/** Finds new or changed segments in `after` that flagd cannot load. Stored segments may stay as they are. */
export function checkPortable(
  before: SegmentRules,
  after: SegmentRules,
  isChanged: (name: string) => boolean,
): Mistake[] {
  return Object.entries(after).flatMap(([name, rule]) => {
    const pointer = pointerTo('$evaluators', name)
    const mistakes: Mistake[] = []
    if (!isPortableName(name) && !Object.hasOwn(before, name)) {
      const message = `Segment name ${shorten(name)} has a character that flagd cannot match: ", \\, <, >, & or a control character`
      mistakes.push({ pointer, message })
    }
    const text = JSON.stringify(rule)
    if (isChanged(name) && !isPortableText(text))
      mistakes.push({ pointer, message: `Rule ${text} is too short: flagd refuses segments of less than 3 characters` })
    return mistakes
  })
}

const providerForms = new WeakMap<CompiledFlag, string | undefined>()

/**
 * The JSON text of one flag for in-process providers: segments expanded in the rule, metadata merged with that of the set, and
 * "" for no default variant, which the Rust provider requires. Undefined for an invalid flag, because flagd-core rejects a set
 * that has one. Cached for each flag, because a change replaces few flags of a set.
 */
export function providerFormOf(flag: CompiledFlag, segments: SegmentRules): string | undefined {
  if (providerForms.has(flag)) return providerForms.get(flag)
  const text = definitionError(flag.definition) === undefined ? serialize(flag, segments) : undefined
  providerForms.set(flag, text)
  return text
}

function serialize({ definition, metadata }: CompiledFlag, segments: SegmentRules): string {
  const { state, variants, defaultVariant, targeting } = definition
  return JSON.stringify({
    state,
    defaultVariant: defaultVariant ?? '',
    variants,
    targeting: targeting === undefined ? undefined : (expandRule(targeting, segments) ?? targeting),
    metadata: Object.keys(metadata).length > 0 ? metadata : undefined,
  })
}

/** In UTF-16 units and values. A larger rule fits in no message to a provider. */
const EXPANDED_SIZE_MAX = 4_000_000
/** In objects and lists; each operator is one of both. */
const EXPANDED_DEPTH_MAX = 2 * RULE_DEPTH_MAX
const TOO_LARGE = new Error('A rule is too large')

/**
 * Replaces each `{"$ref": name}` in a rule by the segment, except unknown segments and those that `isKept` returns true for.
 * Undefined if the result is too deep or too large, as for a segment that refers to itself.
 */
export function expandRule(
  rule: unknown,
  segments: SegmentRules,
  isKept: (name: string) => boolean = () => false,
): unknown {
  const isReplaced = (name: string) => Object.hasOwn(segments, name) && !isKept(name)
  let size = 0
  const grow = (value: unknown, depth: number): void => {
    size += typeof value === 'string' ? value.length + 1 : 1
    if (size > EXPANDED_SIZE_MAX || depth > EXPANDED_DEPTH_MAX) throw TOO_LARGE
  }
  const expand = (value: unknown, depth: number): unknown => {
    grow(value, depth)
    if (Array.isArray(value)) return value.map((item) => expand(item, depth + 1))
    if (!isRecord(value)) return value
    const name = referenceOf(value)
    if (name !== undefined) return isReplaced(name) ? expand(segments[name], depth + 1) : value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expand(item, depth + 1)]))
  }
  try {
    return expand(rule, 0)
  } catch (error) {
    if (error === TOO_LARGE) return undefined
    throw error
  }
}
