import type { Definition, SegmentRules } from '../definition.ts'
import { isReservedName } from '../needs/names.ts'
import { own } from '../rules/expression.ts'
import { reachedFrom } from '../rules/segments.ts'
import { PLAN } from './members.ts'
import type { Side } from './merge-flag.ts'
import { type Verdict, verdictOf } from './verdict.ts'

/** A segment in two environments, and what of it was last carried; undefined where it is absent. */
export type SegmentComparison = {
  readonly segment: string
  readonly verdict: Verdict
  readonly source: unknown
  readonly target: unknown
  readonly base: unknown
}

type SegmentSides = { readonly source: SegmentRules; readonly target: SegmentRules; readonly base: SegmentRules }

/**
 * The names of the segments that the rules and plans of `definitions` reach in `segments`, sorted. Generated ones are left out: they are made anew of
 * what the environment has.
 */
export function segmentsReached(definitions: Iterable<Definition | undefined>, segments: SegmentRules): string[] {
  const names = new Set<string>()
  for (const definition of definitions)
    for (const name of Object.keys(reachedFrom([definition?.targeting, definition?.[PLAN]], segments)))
      if (!isReservedName(name)) names.add(name)
  return [...names].sort()
}

/** Compares segments that the source has. One that the target lacks is new there: `take`, or `keep` if the target has removed it. */
export function compareSegments(names: readonly string[], { source, target, base }: SegmentSides): SegmentComparison[] {
  return names.map((segment) => {
    const sides = { source: own(source, segment), target: own(target, segment) }
    const carried = Object.hasOwn(base, segment) ? { value: own(base, segment) } : undefined
    const verdict = carried || sides.target !== undefined ? verdictOf({ ...sides, base: carried }) : 'take'
    return { segment, ...sides, base: carried?.value, verdict }
  })
}

export type MergedSegments = {
  /** Segments of the target that are new or replaced, by name. */
  readonly next: Readonly<Record<string, unknown>>
  /** Segments that differ and have no side: other flags of the target use them, so none is overwritten without being named. */
  readonly conflicts: readonly SegmentComparison[]
}

/** Takes segments that the target lacks, and those for which `resolve` names the source. */
export function mergeSegments(
  comparisons: readonly SegmentComparison[],
  resolve: Readonly<Record<string, Side>>,
): MergedSegments {
  const next: [string, unknown][] = []
  const conflicts: SegmentComparison[] = []
  for (const comparison of comparisons) {
    const { segment, source, target, verdict } = comparison
    const side =
      verdict === 'equal' ? 'target' : (own(resolve, segment) ?? (target === undefined ? 'source' : undefined))
    if (side === 'source') next.push([segment, source])
    if (side === undefined) conflicts.push(comparison)
  }
  return { next: Object.fromEntries(next), conflicts }
}
