import { type Definition, isRecord, type JsonRecord } from '../definition.ts'
import { pointerTo } from '../error.ts'

/** The parts of a definition that are compared and carried one by one, by their JSON Pointer. Absent parts have no entry. */
export type Members = ReadonlyMap<string, unknown>

/**
 * How the rules of definitions are compared: by `targeting`; by the parts of their plans, if all of them have plans; or as a whole, where
 * some have. A rule that is compiled from a plan is never a part of its own, because it must fit its plan.
 */
export type RuleParts = 'targeting' | 'plan' | 'whole'

/** The member that holds what a rule is compiled from. */
export const PLAN = 'flagstaff'
export const PLAN_POINTER = pointerTo(PLAN)
export const RULE_POINTER = pointerTo('targeting')
/** Members with parts of their own, and members that `rulePartsOf()` covers. */
const OTHER_THAN_WHOLE: readonly string[] = ['variants', 'metadata', 'targeting', PLAN]

export function rulePartsOf(definitions: readonly (Definition | undefined)[]): RuleParts {
  const present = definitions.filter((definition) => definition !== undefined)
  const planned = present.filter((definition) => isRecord(definition[PLAN]))
  if (planned.length === 0) return 'targeting'
  return planned.length === present.length ? 'plan' : 'whole'
}

/** The members of a definition: state, each variant, default variant, rule, each key of the metadata, and any other. */
export function membersOf(definition: Definition, parts: RuleParts): Members {
  const members = new Map<string, unknown>()
  for (const [name, value] of Object.entries(definition))
    if (!OTHER_THAN_WHOLE.includes(name) && !isNothing(name, value)) members.set(pointerTo(name), value)
  for (const [name, value] of Object.entries(definition.variants)) members.set(pointerTo('variants', name), value)
  for (const [name, value] of Object.entries(definition.metadata ?? {})) members.set(pointerTo('metadata', name), value)
  for (const [pointer, value] of rulesOf(definition, parts)) members.set(pointer, value)
  return members
}

/** flagd's sync writes "" for no default variant. */
const isNothing = (name: string, value: unknown): boolean =>
  value === undefined || (name === 'defaultVariant' && (value === null || value === ''))

function rulesOf(definition: Definition, parts: RuleParts): [pointer: string, value: unknown][] {
  const { targeting, [PLAN]: plan } = definition
  if (parts === 'plan' && isRecord(plan))
    return Object.entries(plan).flatMap(([name, value]) => (value === null ? [] : [[pointerTo(PLAN, name), value]]))
  if (parts === 'whole' && isRecord(plan)) return [[PLAN_POINTER, plan]]
  const isRule = targeting !== undefined && targeting !== null && !(isRecord(targeting) && isEmpty(targeting))
  if (!isRule) return []
  return [parts === 'whole' ? [PLAN_POINTER, { rule: targeting }] : [RULE_POINTER, targeting]]
}

const isEmpty = (record: JsonRecord): boolean => Object.keys(record).length === 0

/** `target` with the members that `pointers` name as they are in `source`: a member that is absent there is removed. */
export function withMembers(target: Definition, source: Definition, pointers: ReadonlySet<string>): Definition {
  const names = [...new Set([...Object.keys(target), ...Object.keys(source)])].filter((name) => name !== 'targeting')
  const entries = names.flatMap((name): [string, unknown][] => {
    const value = memberOf(name, { target, source, pointers })
    return value === undefined ? [] : [[name, value]]
  })
  const isRuleTaken = pointers.has(RULE_POINTER) || pointers.has(PLAN_POINTER)
  const isPlanMixed = [...pointers].some((pointer) => pointer.startsWith(`${PLAN_POINTER}/`))
  const { targeting } = isRuleTaken ? source : target
  if (!isPlanMixed && targeting !== undefined) entries.push(['targeting', targeting])
  return Object.fromEntries(entries) as Definition
}

type Carrying = { readonly target: Definition; readonly source: Definition; readonly pointers: ReadonlySet<string> }

function memberOf(name: string, { target, source, pointers }: Carrying): unknown {
  const pointer = pointerTo(name)
  if (pointers.has(pointer)) return source[name]
  const [before, after] = [target[name], source[name]]
  const isSplit = name === 'variants' || name === 'metadata' || (name === PLAN && isRecord(before) && isRecord(after))
  if (!isSplit) return before
  const isTaken = (part: string) => pointers.has(pointer + pointerTo(part))
  return partsOf(before, after, isTaken)
}

function partsOf(before: unknown, after: unknown, isTaken: (part: string) => boolean): JsonRecord | undefined {
  const [old, fresh] = [isRecord(before) ? before : {}, isRecord(after) ? after : {}]
  const names = [...new Set([...Object.keys(old), ...Object.keys(fresh)])]
  const entries = names.flatMap((part): [string, unknown][] => {
    const from = isTaken(part) ? fresh : old
    return Object.hasOwn(from, part) ? [[part, from[part]]] : []
  })
  return entries.length === 0 && (before === undefined || after === undefined) ? undefined : Object.fromEntries(entries)
}
