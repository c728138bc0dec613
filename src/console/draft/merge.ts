import { isRecord } from '../../flag/definition.ts'
import { operatorCallOf } from '../../flag/rules/expression.ts'
import type { JsonPath } from '../rules/text.ts'
import { Clash, type Forms, type Merge, MergedChain, toMerge } from './merged.ts'
import { align, type Identity } from './sequence.ts'

/** Merges two changes of one definition. Only parts that both changed differently are conflicts; no other change is lost. */
export function mergeDefinitions(base: unknown, mine: unknown, theirs: unknown): Merge {
  return toMerge(mergeMembers({ base, mine, theirs, path: [] }, (name) => MEMBERS.get(name) ?? mergeValue))
}

/** Merges two changes of one segment: a condition or a list of values. */
export function mergeSegments(base: unknown, mine: unknown, theirs: unknown): Merge {
  return toMerge(mergeRule({ base, mine, theirs, path: [] }))
}

type MergePart = (forms: Forms) => unknown

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

/** The part if at most one side has changed it, or both in the same way. */
function unlessBoth(forms: Forms, merge: MergePart): unknown {
  const { base, mine, theirs } = forms
  if (isSame(mine, theirs) || isSame(base, theirs)) return mine
  return isSame(base, mine) ? theirs : merge(forms)
}

const inner = ({ path, ...forms }: Forms, step: string | number, of: (form: unknown) => unknown): Forms => ({
  base: of(forms.base),
  mine: of(forms.mine),
  theirs: of(forms.theirs),
  path: [...path, step],
})

/** Objects by member; anything else is one part. */
function mergeValue(forms: Forms): unknown {
  return unlessBoth(forms, () => mergeMembers(forms, () => mergeValue))
}

function mergeMembers(forms: Forms, mergeOf: (name: string) => MergePart): unknown {
  const { base, mine, theirs } = forms
  if (!isRecord(mine) || !isRecord(theirs) || !(base === undefined || isRecord(base)))
    return unlessBoth(forms, (all) => new Clash(all))
  const [old, ours, others] = [Object.keys(base ?? {}), Object.keys(mine), Object.keys(theirs)]
  const { slots } = align(old, ours, others, { keys: [String], isByPlace: false })
  const merged = slots.map(({ base: at, mine: my, theirs: their }): [string, unknown] => {
    const name = old[at ?? -1] ?? ours[my ?? -1] ?? others[their ?? -1] ?? ''
    return [name, mergeOf(name)(inner(forms, name, (form) => memberOf(form, name)))]
  })
  return Object.fromEntries(merged)
}

const memberOf = (value: unknown, name: string): unknown =>
  isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined

/** How the members of a definition are merged; any other by `mergeValue()`. */
const MEMBERS: ReadonlyMap<string, MergePart> = new Map<string, MergePart>([
  ['targeting', (forms) => unlessBoth(forms, () => mergeChain(forms, true))],
])

/** Rules by pair, group and clause. */
function mergeRule(forms: Forms): unknown {
  return unlessBoth(forms, () => mergeCalls(forms))
}

function mergeCalls(forms: Forms): unknown {
  const { base, mine, theirs } = forms
  const lists = [base, mine, theirs]
  if (lists.every(Array.isArray)) return lists.every(isConstants) ? mergeSet(forms) : new Clash(forms)
  if (lists.some((form) => chainOf(form, []) !== undefined)) return mergeChain(forms, false)
  const [call, ...others] = lists.map(operatorCallOf)
  const merge =
    call && others.every((other) => other?.operator === call.operator) ? CALLS.get(call.operator) : undefined
  return merge && call
    ? { [call.operator]: merge(inner(forms, call.operator, (form) => memberOf(form, call.operator))) }
    : new Clash(forms)
}

const isConstants = (form: unknown): boolean =>
  Array.isArray(form) && !form.some((item) => typeof item === 'object' && item !== null)

/** How the operands of an operator are merged, if all three forms have it; any other call is one part. */
const CALLS: ReadonlyMap<string, MergePart> = new Map<string, MergePart>([
  ['and', mergeGroup],
  ['or', mergeGroup],
  ['!', (forms) => (isListed(forms) ? mergeItems(forms) : mergeRule(forms))],
  ['in', (forms) => (isListed(forms) ? mergeItems(forms) : new Clash(forms))],
  ['fractional', mergeSplit],
])

const isListed = ({ base, mine, theirs }: Forms): boolean => [base, mine, theirs].every(Array.isArray)
const itemOf = (form: unknown, index: number): unknown => (Array.isArray(form) ? form[index] : undefined)

/** Operands one by one, if their number is the same. A clause of which both change a part is one conflict. */
function mergeItems(forms: Forms): unknown {
  const { base, mine, theirs } = forms
  const [count, ...counts] = [base, mine, theirs].map((form) => (Array.isArray(form) ? form.length : 0))
  if (counts.some((other) => other !== count)) return new Clash(forms)
  const parts = Array.from({ length: count ?? 0 }, (_, index) => inner(forms, index, (form) => itemOf(form, index)))
  const isChanged = parts.filter((part) => !isSame(part.base, part.mine) || !isSame(part.base, part.theirs))
  return isChanged.length > 1 ? new Clash(forms) : parts.map(mergeRule)
}

/** `and` and `or`: the order of the conditions has no meaning. */
function mergeGroup(forms: Forms): unknown {
  if (!isListed(forms)) return new Clash(forms)
  const merged = mergeList(forms, { keys: [JSON.stringify, subjectOf], isByPlace: true })
  // Each side may have kept what the other removed; a group needs one condition.
  return merged.some((item) => item !== undefined) ? merged : new Clash(forms)
}

const mergeSet = (forms: Forms): unknown => mergeList(forms, { keys: [JSON.stringify], isByPlace: false })

/** What a clause compares, to recognise it with another value. */
function subjectOf(rule: unknown): string {
  const call = operatorCallOf(rule)
  return call ? JSON.stringify([call.operator, call.operands.filter(isRecord)]) : JSON.stringify(rule)
}

function mergeList(forms: Forms, identity: Identity): unknown[] {
  const [base, mine, theirs] = [forms.base, forms.mine, forms.theirs] as [unknown[], unknown[], unknown[]]
  return align(base, mine, theirs, identity).slots.map(({ base: at, mine: my, theirs: their }) =>
    mergeRule({
      base: base[at ?? -1],
      mine: mine[my ?? -1],
      theirs: theirs[their ?? -1],
      path: [...forms.path, at ?? my ?? their ?? 0],
    }),
  )
}

/** The bucketing value and the weights are two parts. Weights are one, because they sum. */
function mergeSplit(forms: Forms): unknown {
  if (!isListed(forms)) return new Clash(forms)
  const byOf = (form: unknown) => (Array.isArray(itemOf(form, 0)) ? undefined : itemOf(form, 0))
  const sharesOf = (form: unknown) =>
    Array.isArray(form) ? form.filter((item, index) => index > 0 || Array.isArray(item)) : []
  const by = unlessBoth({ ...inner(forms, 0, byOf) }, (each) => new Clash(each))
  const shares = { ...inner(forms, 0, sharesOf), path: forms.path }
  const merged = unlessBoth(shares, () => undefined)
  if (!Array.isArray(merged)) return new Clash(forms)
  return by === undefined ? merged : [by, ...merged]
}

/** A pair of condition and result, with the place of its condition. */
type Pair = { readonly pair: readonly unknown[]; readonly path: JsonPath }
type ChainForm = {
  readonly operator: string
  readonly pairs: readonly Pair[]
  readonly otherwise: unknown
  readonly path: JsonPath
}

/** The pairs of an `if`, also of one in its else, and the last else with its place. */
function chainOf(form: unknown, start: JsonPath): ChainForm | undefined {
  const call = operatorCallOf(form)
  if ((call?.operator !== 'if' && call?.operator !== '?:') || !Array.isArray(call.written)) return undefined
  const { operator, operands } = call
  const list = [...start, operator]
  const count = Math.floor(operands.length / 2)
  const pairs = Array.from({ length: count }, (_, index) => ({
    pair: operands.slice(2 * index, 2 * index + 2),
    path: [...list, 2 * index],
  }))
  const path = [...list, 2 * count]
  const otherwise = operands[2 * count]
  const rest = chainOf(otherwise, path)
  return rest ? { ...rest, operator, pairs: [...pairs, ...rest.pairs] } : { operator, pairs, otherwise, path }
}

/** No rule, and a rule that is no `if`, are an else without pairs: one side may have put a rule before it. */
function asChain(form: unknown, path: JsonPath): ChainForm {
  const isRule = form !== null && !(isRecord(form) && Object.keys(form).length === 0)
  return chainOf(form, path) ?? { operator: 'if', pairs: [], otherwise: isRule ? form : undefined, path }
}

const PAIRS: Identity = {
  keys: [JSON.stringify, (pair) => JSON.stringify(itemOf(pair, 0)), (pair) => JSON.stringify(itemOf(pair, 1))],
  isByPlace: true,
}

function mergeChain(forms: Forms, isTargeting: boolean): unknown {
  const { path } = forms
  const written = [forms.base, forms.mine, forms.theirs]
  const [base, mine, theirs] = [asChain(forms.base, path), asChain(forms.mine, path), asChain(forms.theirs, path)]
  const [old, ours, others] = [base, mine, theirs].map(({ pairs }) => pairs.map(({ pair }) => pair))
  const { slots, isAmbiguous } = align(old ?? [], ours ?? [], others ?? [], PAIRS)
  if (isAmbiguous) return new Clash(forms)
  const pairs = slots.map((slot) => {
    const places = [base.pairs[slot.base ?? -1], mine.pairs[slot.mine ?? -1], theirs.pairs[slot.theirs ?? -1]] as const
    const [one, two, three] = places
    return mergePair({
      base: one?.pair,
      mine: two?.pair,
      theirs: three?.pair,
      path: (one ?? two ?? three)?.path ?? path,
    })
  })
  const last = { base: base.otherwise, mine: mine.otherwise, theirs: theirs.otherwise, path: base.path }
  const operator = written.some((form) => isRecord(form) && Object.hasOwn(form, '?:')) ? '?:' : 'if'
  const isBare = written.some((form) => chainOf(form, path) === undefined)
  return new MergedChain({ operator, pairs, otherwise: mergeRule(last), isBare, isTargeting })
}

function mergePair(forms: Forms): unknown {
  return unlessBoth(forms, () => {
    if (!isListed(forms)) return new Clash(forms, 'rule')
    const [condition, result] = [0, 1].map((index) => ({
      ...inner(forms, index, (form) => itemOf(form, index)),
      path: [...forms.path.slice(0, -1), Number(forms.path.at(-1)) + index],
    }))
    return condition && result ? [mergeRule(condition), mergeRule(result)] : new Clash(forms, 'rule')
  })
}
