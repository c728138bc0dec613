import type { DifferenceSentence } from '../../../diff/conditions.ts'
import { conflictTitle, sayConflictPart, saySegmentPart, segmentConflictTitle } from '../../../diff/conflicts.ts'
import { definitionDifferences, segmentDifferences } from '../../../diff/differences.ts'
import { mergeDefinitions, mergeSegments } from '../../../draft/merge.ts'
import type { Conflict, Merge } from '../../../draft/merged.ts'
import { readDefinition } from '../../../rules/read.ts'

/** How versions of one kind are merged, and how their parts are put into words. */
export type MergeKind = {
  readonly merge: (base: unknown, mine: unknown, theirs: unknown) => Merge
  readonly differences: (before: unknown, after: unknown) => readonly DifferenceSentence[]
  /** What a conflict is about. */
  readonly title: (conflict: Conflict, base: unknown) => string
  /** One side of a conflict in words. */
  readonly say: (conflict: Conflict, value: unknown, base: unknown) => string
}

const viewOf = (definition: unknown) => readDefinition(JSON.stringify(definition)).view

export const DEFINITIONS: MergeKind = {
  merge: mergeDefinitions,
  differences: definitionDifferences,
  title: (conflict, base) => {
    const view = viewOf(base)
    return view ? conflictTitle(conflict, view) : 'Definition'
  },
  say: (conflict, value, base) => {
    const view = viewOf(base)
    return view ? sayConflictPart(conflict, value, view) : JSON.stringify(value)
  },
}

export const SEGMENTS: MergeKind = {
  merge: mergeSegments,
  differences: segmentDifferences,
  title: segmentConflictTitle,
  say: saySegmentPart,
}
