import { isDeepStrictEqual } from 'node:util'
import { checkTargeting } from '../../../flag/check/definition.ts'
import { checkRule } from '../../../flag/check/rule.ts'
import { checkSeeds } from '../../../flag/check/seeds.ts'
import type { Definition, SegmentRules } from '../../../flag/definition.ts'
import { checkPortable } from '../../../flag/document.ts'
import { type Mistake, pointerTo } from '../../../flag/error.ts'
import { own } from '../../../flag/rules/expression.ts'
import { affectedBy, type CompiledSegments, compileSegments, referencesIn } from '../../../flag/rules/segments.ts'

/** What is wrong with a change of segments. */
export type SegmentFindings = {
  /** New or changed segments that flagd could not load. */
  readonly unfit: readonly Mistake[]
  /** All in the segments that change, and new ones in unchanged segments and flags that refer to them. */
  readonly mistakes: readonly Mistake[]
  /** Valid rules that other engines evaluate differently. */
  readonly doubts: readonly Mistake[]
  /** The changed segments, and those that refer to one of them, directly or indirectly, before or after. */
  readonly affected: ReadonlySet<string>
}

/** The names of segments that are new, changed or gone. */
export function changedSegments(before: SegmentRules, after: SegmentRules): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].filter((name) => !isDeepStrictEqual(own(before, name), own(after, name)))
}

/** Checks a change of segments, and the flags that refer to them. Mistakes that existed before do not count. */
export function checkSegmentChange(
  before: SegmentRules,
  after: SegmentRules,
  flags: ReadonlyMap<string, Definition>,
): SegmentFindings {
  const changed = new Set(changedSegments(before, after))
  if (changed.size === 0) return { unfit: [], mistakes: [], doubts: [], affected: changed }
  const unfit = checkPortable(before, after, (name) => changed.has(name))
  const earlier = compileSegments(before, 'v2')
  const later = compileSegments(after, 'v2')
  const affected = affectedBy(changed, earlier.references, later.references)
  const change = { before, after, earlier, later, changed, affected }
  const doubts = [...changed].flatMap((name) => checkSeeds(own(after, name), `/$evaluators${pointerTo(name)}`))
  return { unfit, mistakes: [...inSegments(change), ...inFlags(change, flags)], doubts, affected }
}

type SegmentChange = {
  readonly before: SegmentRules
  readonly after: SegmentRules
  readonly earlier: CompiledSegments
  readonly later: CompiledSegments
  readonly changed: ReadonlySet<string>
  /** The changed segments, and those that refer to one of them, directly or indirectly. */
  readonly affected: ReadonlySet<string>
}

function inSegments({ before, after, earlier, later, changed, affected }: SegmentChange): Mistake[] {
  return Object.entries(after).flatMap(([name, rule]) => {
    if (!affected.has(name)) return []
    const pointer = `/$evaluators${pointerTo(name)}`
    const mistakes = checkRule(rule, later.compiled, pointer)
    return changed.has(name) ? mistakes : newIn(mistakes, checkRule(own(before, name), earlier.compiled, pointer))
  })
}

function inFlags({ earlier, later, affected }: SegmentChange, flags: ReadonlyMap<string, Definition>): Mistake[] {
  return [...flags].flatMap(([key, { targeting }]) => {
    if (referencesIn(targeting).isDisjointFrom(affected)) return []
    const pointer = pointerTo('flags', key, 'targeting')
    const mistakes = checkTargeting(targeting, later.compiled, pointer)
    return mistakes.length === 0 ? [] : newIn(mistakes, checkTargeting(targeting, earlier.compiled, pointer))
  })
}

/** The mistakes at JSON Pointers that had none before. */
function newIn(mistakes: readonly Mistake[], known: readonly Mistake[]): Mistake[] {
  const pointers = new Set(known.map(({ pointer }) => pointer))
  return mistakes.filter(({ pointer }) => !pointers.has(pointer))
}
