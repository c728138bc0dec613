import { type CompiledFlag, compileFlag, type FlagSetScope } from './compile.ts'
import type { Bucketing, Definition, FlagSetSource, Metadata, SegmentRules } from './definition.ts'
import { LazyFlagMap, patchMap, type SerializedFlags } from './flag-map.ts'
import { affectedBy, type CompiledSegments, compileSegments, referencesIn } from './rules/segments.ts'

/** All flags of an environment, ready to evaluate. Immutable: a change creates a new set that shares unchanged flags. */
export type FlagSet = {
  readonly flags: ReadonlyMap<string, CompiledFlag>
  /** The segments as written. */
  readonly segments: SegmentRules
  readonly metadata: Metadata
  readonly bucketing: Bucketing
  readonly compiledSegments: CompiledSegments
}

/** A change of a set. A definition of undefined removes the flag; the other members replace the current ones. */
export type FlagSetChange = Partial<FlagSetSettings> & {
  readonly flags?: Iterable<readonly [key: string, definition: Definition | undefined]>
}

type FlagSetSettings = Omit<FlagSetSource, 'flags'>

/**
 * Compiles the segments of a set now, and each flag with its first evaluation. Never throws: an invalid flag evaluates to
 * PARSE_ERROR and affects no other flag.
 */
export function compileFlagSet(source: FlagSetSource): FlagSet {
  return createSet(source, (scope) => {
    const flags = new Map<string, CompiledFlag>()
    for (const [key, definition] of source.flags) flags.set(key, compileFlag(key, definition, scope))
    return flags
  })
}

/** Like `compileFlagSet()`, for flags that are serialized. */
export function compileSerialized(flags: SerializedFlags, settings: FlagSetSettings): FlagSet {
  return createSet(settings, (scope) => new LazyFlagMap(flags, scope))
}

function createSet(
  { segments, metadata, bucketing }: FlagSetSettings,
  createFlags: (scope: FlagSetScope) => FlagSet['flags'],
): FlagSet {
  const compiledSegments = compileSegments(segments, bucketing)
  const scope = { segments: compiledSegments.compiled, metadata: Object.freeze({ ...metadata }), bucketing }
  return { flags: createFlags(scope), segments, metadata: scope.metadata, bucketing, compiledSegments }
}

/** The set after a change. Compiles only flags that change themselves, or whose rule reaches a changed segment. */
export function patchFlagSet(set: FlagSet, change: FlagSetChange): FlagSet {
  const { segments = set.segments, metadata = set.metadata, bucketing = set.bucketing } = change
  if (metadata !== set.metadata || bucketing !== set.bucketing)
    return compileFlagSet({ flags: patchedDefinitions(set, change), segments, metadata, bucketing })
  const compiledSegments = segments === set.segments ? set.compiledSegments : compileSegments(segments, bucketing)
  const scope = { segments: compiledSegments.compiled, metadata, bucketing }
  const changed = new Map<string, CompiledFlag | undefined>()
  for (const [key, { definition }] of affectedFlags(set, affectedSegments(set, { segments, compiledSegments })))
    changed.set(key, compileFlag(key, definition, scope))
  for (const [key, definition] of change.flags ?? [])
    changed.set(key, definition === undefined ? undefined : compileFlag(key, definition, scope))
  return { flags: patchMap(set.flags, changed), segments, metadata, bucketing, compiledSegments }
}

function affectedFlags({ flags }: FlagSet, segments: ReadonlySet<string>): Iterable<[string, CompiledFlag]> {
  return segments.size === 0 ? [] : flags.entries().filter(([, { definition }]) => reaches(definition, segments))
}

function patchedDefinitions(set: FlagSet, change: FlagSetChange): Map<string, Definition> {
  const all = new Map<string, Definition>()
  for (const [key, { definition }] of set.flags) all.set(key, definition)
  for (const [key, definition] of change.flags ?? []) {
    if (definition === undefined) all.delete(key)
    else all.set(key, definition)
  }
  return all
}

/** How a flag differs between two sets, in the words of flagd's event stream. */
export type FlagDifference = 'write' | 'update' | 'delete'

/**
 * The flags that may evaluate differently in `after` than in `before`, by key: their own definition differs, or what they
 * inherit from the set. May report an "update" that changes no evaluation, but never misses one.
 */
export function differenceOf(before: FlagSet, after: FlagSet): ReadonlyMap<string, FlagDifference> {
  const changes = new Map<string, FlagDifference>()
  const affected = affectedSegments(before, after)
  for (const [key, flag] of after.flags) {
    const earlier = before.flags.get(key)
    if (earlier === flag) continue
    if (earlier === undefined) changes.set(key, 'write')
    else if (before.bucketing !== after.bucketing || !isSameFlag(earlier, flag) || reaches(flag.definition, affected))
      changes.set(key, 'update')
  }
  for (const key of before.flags.keys()) if (!after.flags.has(key)) changes.set(key, 'delete')
  return changes
}

const isSameFlag = (one: CompiledFlag, other: CompiledFlag): boolean =>
  isSame(one.definition, other.definition) && isSame(one.metadata, other.metadata)

const reaches = (definition: Definition | undefined, segments: ReadonlySet<string>): boolean =>
  !referencesIn(definition?.targeting).isDisjointFrom(segments)

type WithSegments = Pick<FlagSet, 'segments' | 'compiledSegments'>

/** The segments that differ between two sets, and those that refer to one of them. */
function affectedSegments(before: WithSegments, after: WithSegments): ReadonlySet<string> {
  if (before.segments === after.segments) return new Set()
  const names = new Set([...Object.keys(before.segments), ...Object.keys(after.segments)])
  const changed = [...names].filter((name) => !isSame(before.segments[name], after.segments[name]))
  return affectedBy(changed, before.compiledSegments.references, after.compiledSegments.references)
}

/** Values with another order of keys count as different, which costs no more than compiling once. */
function isSame(before: unknown, after: unknown): boolean {
  try {
    return before === after || JSON.stringify(before) === JSON.stringify(after)
  } catch {
    // Deeper than the call stack. Such a rule is invalid, and is compiled and rejected again.
    return false
  }
}
