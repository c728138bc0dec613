import { type CompiledFlag, mistakeIn } from './compile.ts'
import type { SegmentRules } from './definition.ts'
import { type Definition, type FlagSetDocument, RULE_DEPTH_MAX } from './definition.ts'
import { type Mistake, pointerTo, shorten } from './error.ts'
import { referenceOf } from './rules/rule.ts'

const SCHEMA = 'https://flagd.dev/schema/v0/flags.json'

/** An environment in flagd's format, as it is stored; members that would be empty are left out. */
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
 * The same for flagd, which replaces each reference once, as text and in any order of the segments: segments refer to none, and flags to
 * those only that flagd finds. The others stand where they were referred to.
 */
export function portableDocumentOf(document: FlagSetDocument) {
  const { flags, segments } = document
  const written = Object.entries(segments).map(([name, rule]) => portableSegment(name, rule, segments))
  const found = new Set(written.filter(({ isFound }) => isFound).map(({ name }) => name))
  const kept = written.filter(({ text }) => isPortableText(text))
  return documentOf({
    ...document,
    flags: found.size === written.length ? flags : expandFlags(flags, segments, found),
    segments: Object.fromEntries(kept.map(({ name, rule }) => [name, rule])),
  })
}

type PortableSegment = {
  readonly name: string
  readonly rule: unknown
  readonly text: string
  /** Whether flagd puts it in where it is referred to. */
  readonly isFound: boolean
}

/** What JavaScript replaces in a replacement, as flagd-core uses the text of a segment (ECMA-262, GetSubstitution). */
const SUBSTITUTION = /\$[$&`']/

function portableSegment(name: string, stored: unknown, segments: FlagSetDocument['segments']): PortableSegment {
  const expanded = expandRule(stored, segments)
  // One that leads back to itself stays as it is: it fails in flagd as it does here.
  const rule = expanded === undefined ? stored : expanded
  const text = JSON.stringify(rule)
  const isFound = expanded !== undefined && isPortableName(name) && isPortableText(text) && !SUBSTITUTION.test(text)
  return { name, rule, text, isFound }
}

function expandFlags(
  flags: ReadonlyMap<string, Definition>,
  segments: FlagSetDocument['segments'],
  found: ReadonlySet<string>,
): Map<string, Definition> {
  const isKept = (name: string) => found.has(name)
  const expanded = new Map<string, Definition>()
  for (const [key, flag] of flags) {
    const targeting = expandRule(flag.targeting, segments, isKept)
    expanded.set(key, targeting === undefined ? flag : { ...flag, targeting })
  }
  return expanded
}

const texts = new WeakMap<CompiledFlag, string | undefined>()

/**
 * One flag as in-process providers need it, as JSON text: segments put in where the rule refers to them, the set's metadata under its
 * own, and a missing default variant as "", which the Rust provider requires. Undefined for a flag that makes no sense:
 * flagd-core refuses a whole set for one of those. Written once for each flag, since a change replaces few of a set's flags.
 */
export function providerFormOf(flag: CompiledFlag, segments: SegmentRules): string | undefined {
  if (texts.has(flag)) return texts.get(flag)
  const text = mistakeIn(flag.definition) === undefined ? write(flag, segments) : undefined
  texts.set(flag, text)
  return text
}

function write({ definition, metadata }: CompiledFlag, segments: SegmentRules): string {
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

/** What JSON of Go writes as an escape, besides what that of JavaScript does. */
const ESCAPED_IN_GO = /[<>&\u2028\u2029]/
/** flagd takes a shorter rule for an empty one, and refuses the whole document. */
const RULE_LENGTH_MIN = 3

/** Whether flagd finds the references to a segment: it searches its own JSON for the name as it is. */
export function isPortableName(name: string): boolean {
  return JSON.stringify(name) === `"${name}"` && !ESCAPED_IN_GO.test(name)
}

/** Whether flagd takes the JSON text of a rule for the rule of a segment. */
export const isPortableText = (text: string): boolean => text.length >= RULE_LENGTH_MIN

/** Finds segments that are new in `after`, or changed, and that flagd could not load. Those that are stored already stay. */
export function checkPortable(
  before: SegmentRules,
  after: SegmentRules,
  isChanged: (name: string) => boolean,
): Mistake[] {
  return Object.entries(after).flatMap(([name, rule]) => {
    const pointer = `/$evaluators${pointerTo(name)}`
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

/** In UTF-16 units and values: what no message to a provider could carry. */
const SIZE_MAX = 4_000_000
/** In objects and lists, of which each operator has one of both. */
const DEPTH_MAX = 2 * RULE_DEPTH_MAX
const TOO_LARGE = new Error('A rule is too large')

/**
 * The rule with each `{"$ref": name}` replaced by the segment. One that is unknown stays, and fails in flagd as it does here; so do those
 * of which `isKept` is true. Undefined for a rule that grows too deep or too large, as one that leads back to itself does.
 */
export function expandRule(
  rule: unknown,
  segments: SegmentRules,
  isKept: (name: string) => boolean = () => false,
): unknown {
  try {
    return new Expander(segments, isKept).expand(rule, 0)
  } catch (error) {
    if (error === TOO_LARGE) return undefined
    throw error
  }
}

class Expander {
  readonly #segments: SegmentRules
  readonly #isKept: (name: string) => boolean
  #size = 0

  constructor(segments: SegmentRules, isKept: (name: string) => boolean) {
    this.#segments = segments
    this.#isKept = isKept
  }

  expand(value: unknown, depth: number): unknown {
    this.#size += typeof value === 'string' ? value.length + 1 : 1
    if (this.#size > SIZE_MAX || depth > DEPTH_MAX) throw TOO_LARGE
    if (typeof value !== 'object' || value === null) return value
    const name = referenceOf(value)
    if (name !== undefined) {
      const isReplaced = Object.hasOwn(this.#segments, name) && !this.#isKept(name)
      return isReplaced ? this.expand(this.#segments[name], depth + 1) : value
    }
    if (Array.isArray(value)) return value.map((item) => this.expand(item, depth + 1))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.expand(item, depth + 1)]))
  }
}
