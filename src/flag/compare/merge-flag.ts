import type { Definition } from '../definition.ts'
import { type CarriedFlag, compareFlag, type FlagSides, isIn, type MemberComparison } from './compare-flag.ts'
import { membersOf, rulePartsOf, withMembers } from './members.ts'

/** Which side a part is taken from. */
export type Side = 'source' | 'target'

/**
 * What of a flag is carried. Pointers may name a member or what contains it: "/variants" names all variants, "" all members, "/targeting" all
 * parts of a plan, from which the rule is compiled.
 */
export type FlagSelection = {
  /** Undefined: all members. */
  readonly members: readonly string[] | undefined
  /** The side of members, whatever their verdict. The longest pointer decides. */
  readonly resolve: Readonly<Record<string, Side>>
  /** Whether a flag that the source does not have is removed from the target. */
  readonly remove: boolean
}

export type MergedFlag = {
  /** The definition of the target afterwards; undefined if it is removed there. */
  readonly next: Definition | undefined
  /** Members that are taken from the source. */
  readonly taken: readonly string[]
  /** Members that differ and have no side. If there are any, the flag must not be written. */
  readonly conflicts: readonly MemberComparison[]
  /** What counts as carried afterwards; undefined if the flag is removed. */
  readonly base: CarriedFlag | undefined
}

/**
 * Carries a flag from the source into the target. The state of a flag belongs to its environment: it is carried with `state` "take" or if
 * a pointer names it. A new flag arrives DISABLED otherwise. Pure.
 */
export function mergeFlag(sides: FlagSides, selection: FlagSelection, state: 'keep' | 'take'): MergedFlag {
  const { source, target } = sides
  const { members } = compareFlag(sides)
  if (!source) return removed(sides, members, selection)
  if (!target) return arrived(source, members, { selection, state })
  const taken = new Set<string>()
  const conflicts: MemberComparison[] = []
  const uncarried: string[] = []
  for (const comparison of members) {
    const side = sideOf(comparison, selection, state)
    if (side === 'source') taken.add(comparison.member)
    if (side === 'open') conflicts.push(comparison)
    if (side === 'left') uncarried.push(comparison.member)
  }
  const next = taken.size === 0 ? target : withMembers(target, source, taken)
  const base = baseOf(sides, source, uncarried)
  return { next, taken: [...taken], conflicts, base }
}

/** `left`: the member is not selected. `open`: it needs a side. */
function sideOf(
  comparison: MemberComparison,
  selection: FlagSelection,
  state: 'keep' | 'take',
): Side | 'open' | 'left' {
  const { member, verdict } = comparison
  if (verdict === 'equal') return 'target'
  const resolved = resolvedSide(member, selection.resolve)
  if (resolved) return resolved
  const isNamed = selection.members?.some((pointer) => isIn(member, pointer)) ?? false
  if (member === '/state') return state === 'take' || isNamed ? 'source' : 'target'
  if (selection.members && !isNamed) return 'left'
  if (verdict === 'unknown') return isNamed ? 'source' : 'open'
  return ({ take: 'source', keep: 'target', conflict: 'open' } as const)[verdict]
}

function resolvedSide(member: string, resolve: FlagSelection['resolve']): Side | undefined {
  const pointers = Object.keys(resolve).filter((pointer) => isIn(member, pointer))
  // Of "/targeting" and "/flagstaff", which are equally long, the one that is written like the member.
  const precision = (pointer: string) => pointer.length + (member.startsWith(pointer) ? 0.5 : 0)
  const longest = pointers.toSorted((one, other) => precision(other) - precision(one))[0]
  return longest === undefined ? undefined : resolve[longest]
}

/** The source as carried; members that are left out stay as they were carried before, or were never carried. */
function baseOf({ target, base }: FlagSides, source: Definition, left: readonly string[]): CarriedFlag {
  if (left.length === 0) return { definition: source, uncarried: [] }
  if (!base) return { definition: source, uncarried: left }
  const parts = rulePartsOf([source, target, base.definition])
  const names = new Set([...membersOf(source, parts).keys(), ...membersOf(base.definition, parts).keys()])
  const carried = [...names].filter((member) => !left.includes(member))
  const uncarried = left.filter((member) => base.uncarried.some((one) => isIn(member, one)))
  return { definition: withMembers(base.definition, source, new Set(carried)), uncarried }
}

function arrived(
  source: Definition,
  members: readonly MemberComparison[],
  { selection, state }: { selection: FlagSelection; state: 'keep' | 'take' },
): MergedFlag {
  const side = wholeSide(members, selection)
  const isStateTaken = state === 'take' || selection.members?.includes('/state')
  const definition: Definition = isStateTaken ? source : { ...source, state: 'DISABLED' }
  return {
    next: side === 'source' ? definition : undefined,
    taken: side === 'source' ? [''] : [],
    conflicts: side === 'open' ? members : [],
    base: { definition: source, uncarried: [] },
  }
}

function removed(
  { target, base }: FlagSides,
  members: readonly MemberComparison[],
  selection: FlagSelection,
): MergedFlag {
  const side = selection.remove ? wholeSide(members, selection) : 'target'
  return {
    next: side === 'source' ? undefined : target,
    taken: side === 'source' ? [''] : [],
    conflicts: side === 'open' ? members : [],
    base: side === 'source' ? undefined : base,
  }
}

/** The side of a flag that one environment does not have. To select it is to choose the source, unless both have changed. */
function wholeSide([whole]: readonly MemberComparison[], { resolve }: FlagSelection): Side | 'open' {
  return resolve[''] ?? (whole?.verdict === 'conflict' ? 'open' : 'source')
}
