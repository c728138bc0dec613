import type { Definition, FlagSetDocument } from './definition.ts'
import { expandRule } from './expand.ts'
import { isPortableName, isPortableText } from './portable.ts'

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
