import { isRecord } from '../../flag/definition.ts'
import { truncate } from '../../flag/error.ts'
import { CODE_DEFAULT } from '../../flag/verbs.ts'
import { readDefinition, readSegment } from '../rules/read.ts'
import { joinWords, sayDefinition, sayName, type Wording } from '../rules/say.ts'
import type { JsonPath } from '../rules/text.ts'
import { conditionDifferences, type DifferenceSentence } from './conditions.ts'
import { PLAN, planDifferences } from './plan.ts'
import { ruleDifferences } from './rules.ts'

/** What differs between two definitions of a flag. Null or undefined: there is none in the environment. */
export function definitionDifferences(before: unknown, after: unknown, wording: Wording = {}): DifferenceSentence[] {
  const [old, next] = [viewOf(before), viewOf(after)]
  if (!old && !next) return []
  if (!old)
    return [{ kind: 'added', path: [], text: `Added to the environment: ${next && sayDefinition(next, wording)}` }]
  if (!next)
    return [{ kind: 'removed', path: [], text: `Removed from the environment: ${sayDefinition(old, wording)}` }]
  const [left, right] = [asRecord(before), asRecord(after)]
  const special = new Set(['state', 'variants', 'defaultVariant', 'targeting', 'metadata', PLAN])
  return [
    ...stateDifference(old.state, next.state),
    ...planDifferences(left[PLAN], right[PLAN]),
    // A rule that is made from a plan says nothing more.
    ...(old.hasPlan || next.hasPlan ? [] : ruleDifferences(old, next, wording)),
    ...variantDifferences(asRecord(left['variants']), asRecord(right['variants'])),
    ...defaultDifference(old.defaultVariant, next.defaultVariant),
    ...memberDifferences(asRecord(left['metadata']), asRecord(right['metadata']), ['metadata'], 'Metadata '),
    ...memberDifferences(without(left, special), without(right, special), [], 'Member '),
  ]
}

/** What differs between two versions of a segment. */
export function segmentDifferences(before: unknown, after: unknown, wording: Wording = {}): DifferenceSentence[] {
  const [old, next] = [before ?? undefined, after ?? undefined].map((rule) =>
    rule === undefined ? undefined : readSegment(JSON.stringify(rule)).view,
  )
  if (!old && !next) return []
  if (!old) return [{ kind: 'added', path: [], text: 'Created' }]
  if (!next) return [{ kind: 'removed', path: [], text: 'Deleted' }]
  return conditionDifferences(old, next, '', wording)
}

/** What differs between two objects, member by member: for projects, environments, keys and properties of flags. */
export function propertyDifferences(before: unknown, after: unknown): DifferenceSentence[] {
  return memberDifferences(asRecord(before), asRecord(after), [], '')
}

const viewOf = (definition: unknown) =>
  isRecord(definition) ? readDefinition(JSON.stringify(definition)).view : undefined
const asRecord = (value: unknown): Readonly<Record<string, unknown>> => (isRecord(value) ? value : {})
const without = (record: Readonly<Record<string, unknown>>, names: ReadonlySet<string>) =>
  Object.fromEntries(Object.entries(record).filter(([name]) => !names.has(name)))
const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

/** A value in a sentence: short texts as they are, anything else as JSON of at most 60 characters. */
export function sayJson(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value) && value.every((item) => typeof item === 'string'))
    return value.length === 0 ? 'nothing' : truncate(joinWords(value))
  return truncate(JSON.stringify(value))
}

function stateDifference(before: unknown, after: unknown): DifferenceSentence[] {
  if (before === after) return []
  const text = after === 'ENABLED' ? 'Enabled' : 'Disabled: applications use the default in their code'
  return [{ kind: 'changed', path: ['state'], text }]
}

function defaultDifference(before: string | null, after: string | null): DifferenceSentence[] {
  if (before === after) return []
  const name = (variant: string | null) => (variant === null ? `the ${CODE_DEFAULT}` : sayName(variant))
  return [{ kind: 'changed', path: ['defaultVariant'], text: `Default variant: ${name(before)} → ${name(after)}` }]
}

type Members = Readonly<Record<string, unknown>>

/** A variant with the value of one that is gone, at its place, was renamed. */
function variantDifferences(before: Members, after: Members): DifferenceSentence[] {
  const [old, next] = [Object.keys(before), Object.keys(after)]
  const renamed = new Map<string, string>()
  for (const [place, name] of next.entries()) {
    const former = old[place]
    if (former === undefined || Object.hasOwn(before, name) || Object.hasOwn(after, former)) continue
    if (isSame(before[former], after[name])) renamed.set(former, name)
  }
  const names = new Set(renamed.values())
  const rest = {
    before: Object.fromEntries(Object.entries(before).filter(([name]) => !renamed.has(name))),
    after: Object.fromEntries(Object.entries(after).filter(([name]) => !names.has(name))),
  }
  const renames = [...renamed].map(([from, to]): DifferenceSentence => {
    return { kind: 'changed', path: ['variants', to], text: `Renamed variant ${sayName(from)} to ${sayName(to)}` }
  })
  return [...renames, ...memberDifferences(rest.before, rest.after, ['variants'], 'Variant ')]
}

/** Added, removed and changed members, in this order. `subject` comes before each name. */
function memberDifferences(before: Members, after: Members, path: JsonPath, subject: string): DifferenceSentence[] {
  const place = (name: string) => [...path, name]
  const title = (name: string) => capitalize(`${subject}${subject === '' ? name : sayName(name)}`)
  const isNew = (name: string, members: Members) => !Object.hasOwn(members, name) || members[name] === null
  const names = [...new Set([...Object.keys(after), ...Object.keys(before)])].filter(
    (name) => !isSame(before[name], after[name]),
  )
  return names.flatMap((name): DifferenceSentence[] => {
    const [old, next] = [before[name], after[name]]
    if (isNew(name, before) && isNew(name, after)) return []
    if (isNew(name, before))
      return [{ kind: 'added', path: place(name), text: `${title(name)} added: ${sayJson(next)}` }]
    if (isNew(name, after))
      return [{ kind: 'removed', path: place(name), text: `${title(name)} removed (${sayJson(old)})` }]
    return [{ kind: 'changed', path: place(name), text: `${title(name)}: ${sayJson(old)} → ${sayJson(next)}` }]
  })
}

const capitalize = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
