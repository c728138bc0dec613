import type { Side } from '../../../flag/compare/merge-flag.ts'
import type { ComparedItem, ComparedMember, ComparedSegment } from './queries.ts'

/** The sides that were chosen by hand: of members by flag and JSON Pointer, and of segments by name. */
export type PickedSides = {
  readonly members: Readonly<Record<string, Readonly<Record<string, Side>>>>
  readonly segments: Readonly<Record<string, Side>>
}
export const NO_PICKS: PickedSides = { members: {}, segments: {} }

/** A flag as `promote` takes it. */
type SelectedFlag = { flag: string; resolve: Record<string, Side>; remove: boolean }

const STATE = '/state'

/**
 * The side of a member of a selected flag; undefined where both environments have changed it, until one is chosen. A member that was never
 * carried comes from the source: the flag was selected for it. A state belongs to its environment.
 */
export function sideOf(
  { member, verdict }: ComparedMember,
  picks: Readonly<Record<string, Side>> = {},
): Side | undefined {
  if (Object.hasOwn(picks, member)) return picks[member]
  if (verdict === 'conflict') return undefined
  if (member === STATE || verdict === 'keep' || verdict === 'equal') return 'target'
  return 'source'
}

/** How many choices a selection still needs. */
export function openChoices(
  items: readonly ComparedItem[],
  segments: readonly ComparedSegment[],
  picks: PickedSides,
): number {
  const members = items.flatMap((item) => item.members.filter((each) => !sideOf(each, picks.members[item.flag])))
  return members.length + segments.filter(({ segment }) => !Object.hasOwn(picks.segments, segment)).length
}

/** The segments that the selected flags reach and that differ: other flags of the target use them, so each needs a side. */
export function differingSegments(
  items: readonly ComparedItem[],
  segments: readonly ComparedSegment[],
): ComparedSegment[] {
  const reached = new Set(items.flatMap((item) => item.segments))
  return segments.filter(
    ({ segment, verdict, target }) => reached.has(segment) && verdict !== 'equal' && target !== undefined,
  )
}

/** The selection as the API takes it. Every member that differs names its side, so that what is shown is what is carried. */
export function selectionOf(item: ComparedItem, picks: PickedSides): SelectedFlag {
  const picked = picks.members[item.flag] ?? {}
  const sides = item.members.flatMap((each): [string, Side][] => {
    const side = each.member === STATE && !Object.hasOwn(picked, STATE) ? undefined : sideOf(each, picked)
    return side ? [[each.member, side]] : []
  })
  const remove = item.status === 'only-in-target' && sides.some(([, side]) => side === 'source')
  return { flag: item.flag, resolve: Object.fromEntries(sides), remove }
}

/** The picks with one more. */
export function withPick(picks: PickedSides, flag: string, member: string, side: Side): PickedSides {
  return { ...picks, members: { ...picks.members, [flag]: { ...picks.members[flag], [member]: side } } }
}
