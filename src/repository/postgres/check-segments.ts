import { isDeepStrictEqual } from 'node:util'
import { checkTargeting } from '../../flag/check/definition.ts'
import { checkRule } from '../../flag/check/rule.ts'
import { checkSeeds } from '../../flag/check/seeds.ts'
import type { Definition, SegmentRules } from '../../flag/definition.ts'
import { checkPortable } from '../../flag/document.ts'
import { FlagError, type Mistake, pointerTo } from '../../flag/error.ts'
import { affectedBy, type CompiledSegments, compileSegments, referencesIn } from '../../flag/rules/segments.ts'

type Change = {
  readonly before: SegmentRules
  readonly after: SegmentRules
  readonly earlier: CompiledSegments
  readonly later: CompiledSegments
  /** The segments that differ, and with those that reach one of them. */
  readonly changed: ReadonlySet<string>
  readonly affected: ReadonlySet<string>
}

/**
 * Finds what a change of segments makes wrong: any mistake in those that change, and new ones in segments and flags that stay and reach
 * one of them. What was wrong before, and is left alone, is no fault of this change. `doubts` are no mistakes, but answer otherwise in
 * another engine. Refuses what flagd could not load at all.
 */
export function checkSegmentChange(
  before: SegmentRules,
  after: SegmentRules,
  flags: ReadonlyMap<string, Definition>,
): { readonly mistakes: Mistake[]; readonly doubts: Mistake[] } {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  const changed = new Set([...names].filter((name) => !isDeepStrictEqual(before[name], after[name])))
  if (changed.size === 0) return { mistakes: [], doubts: [] }
  const unfit = checkPortable(before, after, (name) => changed.has(name))
  if (unfit.length > 0)
    throw new FlagError('invalid', 'Cannot store the segments: flagd could not load them', { mistakes: unfit })
  const earlier = compileSegments(before, 'v2')
  const later = compileSegments(after, 'v2')
  const change = {
    before,
    after,
    earlier,
    later,
    changed,
    affected: affectedBy(changed, earlier.references, later.references),
  }
  const doubts = [...changed].flatMap((name) => checkSeeds(after[name], `/$evaluators${pointerTo(name)}`))
  return { mistakes: [...inSegments(change), ...inFlags(change, flags)], doubts }
}

function inSegments({ before, after, earlier, later, changed, affected }: Change): Mistake[] {
  return Object.entries(after).flatMap(([name, rule]) => {
    if (!affected.has(name)) return []
    const pointer = `/$evaluators${pointerTo(name)}`
    const mistakes = checkRule(rule, later.compiled, pointer)
    return changed.has(name) ? mistakes : newIn(mistakes, checkRule(before[name], earlier.compiled, pointer))
  })
}

function inFlags({ earlier, later, affected }: Change, flags: ReadonlyMap<string, Definition>): Mistake[] {
  return [...flags].flatMap(([key, { targeting }]) => {
    if (referencesIn(targeting).isDisjointFrom(affected)) return []
    const pointer = pointerTo('flags', key, 'targeting')
    const mistakes = checkTargeting(targeting, later.compiled, pointer)
    return mistakes.length === 0 ? [] : newIn(mistakes, checkTargeting(targeting, earlier.compiled, pointer))
  })
}

/** Those at places where there was none before. */
function newIn(mistakes: readonly Mistake[], known: readonly Mistake[]): Mistake[] {
  const places = new Set(known.map(({ pointer }) => pointer))
  return mistakes.filter(({ pointer }) => !places.has(pointer))
}
