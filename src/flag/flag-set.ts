import { type CompiledFlag, compileFlag, type Surroundings } from './compile.ts'
import type { Bucketing, Definition, FlagSetSource, Metadata } from './definition.ts'
import { FoundFlags, patchMap, type WrittenFlags } from './flag-map.ts'
import { affectedBy, type CompiledSegments, compileSegments, referencesIn } from './rules/segments.ts'

/** Everything an environment says, ready to answer. Immutable: a change makes a new one that shares what stayed. */
export type FlagSet = {
  readonly flags: ReadonlyMap<string, CompiledFlag>
  /** The segments as written: name → rule. */
  readonly segments: Readonly<Record<string, unknown>>
  readonly metadata: Metadata
  readonly bucketing: Bucketing
  readonly compiledSegments: CompiledSegments
}

/** What changes in a set. A definition of undefined removes the flag; the other members replace what was there. */
export type FlagSetChange = {
  readonly flags?: Iterable<readonly [key: string, definition: Definition | undefined]>
  readonly segments?: Readonly<Record<string, unknown>>
  readonly metadata?: Metadata
  readonly bucketing?: Bucketing
}

/**
 * Makes a whole set ready; segments are compiled now, flags when they are first asked for. Never throws: a flag that
 * makes no sense answers PARSE_ERROR, and the others live.
 */
export function compileFlagSet(source: FlagSetSource): FlagSet {
  return setOf(source, (surroundings) => {
    const flags = new Map<string, CompiledFlag>()
    for (const [key, definition] of source.flags) flags.set(key, compileFlag(key, definition, surroundings))
    return flags
  })
}

/** The same of flags as text. */
export function compileWritten(flags: WrittenFlags, settings: Settings): FlagSet {
  return setOf(settings, (surroundings) => new FoundFlags(flags, surroundings))
}

type Settings = Omit<FlagSetSource, 'flags'>

function setOf(
  { segments, metadata, bucketing }: Settings,
  flagsIn: (surroundings: Surroundings) => FlagSet['flags'],
): FlagSet {
  const compiledSegments = compileSegments(segments, bucketing)
  const surroundings = { segments: compiledSegments.compiled, metadata: Object.freeze({ ...metadata }), bucketing }
  return { flags: flagsIn(surroundings), segments, metadata: surroundings.metadata, bucketing, compiledSegments }
}

/** The set after a change. Only the flags that change, or whose rule reaches a segment that does, are compiled again. */
export function patchFlagSet(set: FlagSet, change: FlagSetChange): FlagSet {
  const { segments = set.segments, metadata = set.metadata, bucketing = set.bucketing } = change
  const definitions = new Map(change.flags)
  if (metadata !== set.metadata || bucketing !== set.bucketing)
    return compileFlagSet({ flags: replaced(set, definitions), segments, metadata, bucketing })
  const compiledSegments = segments === set.segments ? set.compiledSegments : compileSegments(segments, bucketing)
  const surroundings = { segments: compiledSegments.compiled, metadata, bucketing }
  const changed = new Map<string, CompiledFlag | undefined>()
  if (segments !== set.segments)
    recompile(set, changed, { affected: affectedSegments(set, { segments, compiledSegments }), surroundings })
  for (const [key, definition] of definitions)
    changed.set(key, definition === undefined ? undefined : compileFlag(key, definition, surroundings))
  return { flags: patchMap(set.flags, changed), segments, metadata, bucketing, compiledSegments }
}

function replaced(set: FlagSet, definitions: ReadonlyMap<string, Definition | undefined>): Map<string, Definition> {
  const all = new Map<string, Definition>()
  for (const [key, { definition }] of set.flags) all.set(key, definition)
  for (const [key, definition] of definitions) {
    if (definition === undefined) all.delete(key)
    else all.set(key, definition)
  }
  return all
}

type WithSegments = Pick<FlagSet, 'segments' | 'compiledSegments'>

/** The segments that differ between two sets, and those that reach one of them. */
export function affectedSegments(before: WithSegments, after: WithSegments): ReadonlySet<string> {
  if (before.segments === after.segments) return new Set()
  const names = new Set([...Object.keys(before.segments), ...Object.keys(after.segments)])
  const changed = [...names].filter((name) => !isSame(before.segments[name], after.segments[name]))
  return affectedBy(changed, before.compiledSegments.uses, after.compiledSegments.uses)
}

/** Says "no" more often than it must (order of keys), which costs no more than compiling once again. */
export function isSame(before: unknown, after: unknown): boolean {
  try {
    return before === after || JSON.stringify(before) === JSON.stringify(after)
  } catch {
    // Deeper than the stack: no rule that could run, so let it be compiled, and refused, again.
    return false
  }
}

type Effect = { readonly affected: ReadonlySet<string>; readonly surroundings: Surroundings }

function recompile(set: FlagSet, changed: Map<string, CompiledFlag | undefined>, effect: Effect): void {
  for (const [key, { definition }] of set.flags) {
    if (referencesIn(definition?.targeting).isDisjointFrom(effect.affected)) continue
    changed.set(key, compileFlag(key, definition, effect.surroundings))
  }
}

/** What became of a flag, in the words of flagd's event stream. */
export type Change = 'write' | 'update' | 'delete'

/**
 * Which flags may answer otherwise in `after` than in `before`, by key: their own definition differs, or what it takes from its set
 * (metadata, segments, bucketing). Says "update" more often than it must, never less: clients forget what they know of a flag by it.
 */
export function differenceOf(before: FlagSet, after: FlagSet): ReadonlyMap<string, Change> {
  const changes = new Map<string, Change>()
  const affected = affectedSegments(before, after)
  const isOtherBucketing = before.bucketing !== after.bucketing
  for (const [key, flag] of after.flags) {
    const held = before.flags.get(key)
    if (held === flag) continue
    if (held === undefined) changes.set(key, 'write')
    else if (
      isOtherBucketing ||
      !isSameFlag(held, flag) ||
      !referencesIn(flag.definition?.targeting).isDisjointFrom(affected)
    )
      changes.set(key, 'update')
  }
  for (const key of before.flags.keys()) if (!after.flags.has(key)) changes.set(key, 'delete')
  return changes
}

const isSameFlag = (one: CompiledFlag, other: CompiledFlag): boolean =>
  isSame(one.definition, other.definition) && isSame(one.metadata, other.metadata)
