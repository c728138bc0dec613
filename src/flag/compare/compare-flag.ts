import type { Definition } from '../definition.ts'
import { type Members, membersOf, PLAN_POINTER, RULE_POINTER, rulePartsOf } from './members.ts'
import { isEqual, type Verdict, verdictOf } from './verdict.ts'

/** What was last carried from the source to the target. */
export type CarriedFlag = {
  readonly definition: Definition
  /** The members, by JSON Pointer, that were left out although they differed and had never been carried. */
  readonly uncarried: readonly string[]
}

/** A flag in two environments; undefined where it is absent. */
export type FlagSides = {
  readonly source: Definition | undefined
  readonly target: Definition | undefined
  readonly base: CarriedFlag | undefined
}

/** `member`: a JSON Pointer into the definition; '' for the whole one, where a side has none. Absent values are undefined. */
export type MemberComparison = {
  readonly member: string
  readonly verdict: Verdict
  readonly source: unknown
  readonly target: unknown
  readonly base: unknown
}

export type FlagComparison = {
  readonly status: 'equal' | 'different' | 'only-in-source' | 'only-in-target'
  /** All members that a side has, the equal ones included. */
  readonly members: readonly MemberComparison[]
}

/** Compares a flag in two environments member by member. Pure. At least one side must have it. */
export function compareFlag({ source, target, base }: FlagSides): FlagComparison {
  if (!source || !target) return compareWhole({ source, target, base })
  const parts = rulePartsOf([source, target, base?.definition])
  const [from, to] = [membersOf(source, parts), membersOf(target, parts)]
  const carried = base && membersOf(base.definition, parts)
  const members = [...new Set([...from.keys(), ...to.keys()])].map((member) =>
    compareMember(member, {
      from,
      to,
      carried: base?.uncarried.some((one) => isIn(member, one)) ? undefined : carried,
    }),
  )
  return { status: members.every(({ verdict }) => verdict === 'equal') ? 'equal' : 'different', members }
}

/** Whether a pointer is `outer` or leads into it. A rule is compiled from its plan, so "/targeting" and "/flagstaff" name the same part. */
export function isIn(pointer: string, outer: string): boolean {
  const [inner, whole] = [withoutAlias(pointer), withoutAlias(outer)]
  return inner === whole || inner.startsWith(`${whole}/`)
}

const withoutAlias = (pointer: string): string => (pointer === RULE_POINTER ? PLAN_POINTER : pointer)

type Compared = { readonly from: Members; readonly to: Members; readonly carried: Members | undefined }

function compareMember(member: string, { from, to, carried }: Compared): MemberComparison {
  const [source, target, base] = [from.get(member), to.get(member), carried?.get(member)]
  const verdict = verdictOf({ source, target, base: carried && { value: base } })
  return { member, verdict, source, target, base }
}

/** A flag that one side does not have: it is new, or was removed since it was carried. */
function compareWhole({ source, target, base }: FlagSides): FlagComparison {
  const definition = source ?? target
  const isAsCarried = definition && base && isAs(definition, base)
  const common = { member: '', source, target, base: base?.definition }
  if (source) {
    const verdict = base ? (isAsCarried ? 'keep' : 'conflict') : 'take'
    return { status: 'only-in-source', members: [{ ...common, verdict }] }
  }
  const verdict = base ? (isAsCarried ? 'take' : 'conflict') : 'keep'
  return { status: 'only-in-target', members: [{ ...common, verdict }] }
}

function isAs(definition: Definition, { definition: carried, uncarried }: CarriedFlag): boolean {
  const parts = rulePartsOf([definition, carried])
  const [now, then] = [membersOf(definition, parts), membersOf(carried, parts)]
  return [...new Set([...now.keys(), ...then.keys()])].every(
    (member) => uncarried.some((one) => isIn(member, one)) || isEqual(now.get(member), then.get(member)),
  )
}
