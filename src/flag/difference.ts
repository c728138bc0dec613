import type { CompiledFlag } from './compile.ts'
import { affectedSegments, type FlagSet, isSame } from './flag-set.ts'
import { referencesIn } from './segment.ts'

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
