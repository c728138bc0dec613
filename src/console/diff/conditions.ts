import { sayAttribute, sayCondition, sayValue, type Wording } from '../rules/say.ts'
import type { JsonPath } from '../rules/text.ts'
import type { ConditionView, JsonScalar } from '../rules/view.ts'

/** One difference between two versions, as an English sentence without a full stop. */
export type DifferenceSentence = {
  readonly kind: 'added' | 'removed' | 'changed' | 'moved'
  /** Where the part is: in the later version, or in the earlier one if it was removed. */
  readonly path: JsonPath
  readonly text: string
}

/** What differs between two conditions. Each text starts with `subject`, for example "Rule 1: ". */
export function conditionDifferences(
  before: ConditionView,
  after: ConditionView,
  subject: string,
  wording: Wording,
): DifferenceSentence[] {
  const [old, next] = [sayWhole(before), sayWhole(after)]
  if (old === next) return []
  return (
    listDifferences(before, after, subject) ??
    groupDifferences(before, after, subject, wording) ?? [
      {
        kind: 'changed',
        path: after.path,
        text: `${subject}${sayCondition(before, wording)} → ${sayCondition(after, wording)}`,
      },
    ]
  )
}

/** The sentence with all of the JSON, to compare. */
const sayWhole = (view: ConditionView): string => sayCondition(view, { json: JSON.stringify, time: String })

/** Values that were added to and removed from a list. */
function listDifferences(
  before: ConditionView,
  after: ConditionView,
  subject: string,
): DifferenceSentence[] | undefined {
  const [old, next] = [valuesOf(before), valuesOf(after)]
  if (!old || !next || old.title !== next.title) return undefined
  const missing = (values: readonly JsonScalar[], others: ReadonlySet<JsonScalar>) =>
    values.filter((value) => !others.has(value))
  const [added, removed] = [missing(next.values, new Set(old.values)), missing(old.values, new Set(next.values))]
  const say = (kind: 'added' | 'removed', values: readonly JsonScalar[]): DifferenceSentence[] => {
    const verb = kind === 'added' ? `added to ${next.title}` : `removed from ${next.title}`
    return values.length === 0
      ? []
      : [{ kind, path: after.path, text: `${subject}${values.map(sayValue).join(', ')} ${verb}` }]
  }
  const found = [...say('added', added), ...say('removed', removed)]
  return found.length > 0 ? found : undefined
}

function valuesOf(view: ConditionView): { title: string; values: readonly JsonScalar[] } | undefined {
  if (view.kind === 'list') return { title: 'the list', values: view.values }
  if (view.kind !== 'clause' || view.operator !== 'one_of') return undefined
  return { title: `the values of ${sayAttribute(view.attribute)}`, values: view.values }
}

/** Conditions that were added to and removed from a group. A condition alone is a group of one. */
function groupDifferences(
  before: ConditionView,
  after: ConditionView,
  subject: string,
  wording: Wording,
): DifferenceSentence[] | undefined {
  const operator = after.kind === 'group' ? after.operator : before.kind === 'group' ? before.operator : undefined
  if (operator === undefined) return undefined
  const itemsOf = (view: ConditionView) => (view.kind === 'group' && view.operator === operator ? view.items : [view])
  const [old, next] = [itemsOf(before), itemsOf(after)]
  const [left, right] = [new Set(old.map(sayWhole)), new Set(next.map(sayWhole))]
  const added = next.filter((item) => !left.has(sayWhole(item)))
  const removed = old.filter((item) => !right.has(sayWhole(item)))
  const [from] = removed
  const [to] = added
  if (removed.length === 1 && added.length === 1 && from && to) return conditionDifferences(from, to, subject, wording)
  // Nothing in common: the conditions themselves are said.
  if (removed.length === old.length || added.length === next.length) return undefined
  return [
    ...added.map((item): DifferenceSentence => {
      return { kind: 'added', path: item.path, text: `${subject}added "${operator} ${sayCondition(item, wording)}"` }
    }),
    ...removed.map((item): DifferenceSentence => {
      return {
        kind: 'removed',
        path: item.path,
        text: `${subject}removed "${operator} ${sayCondition(item, wording)}"`,
      }
    }),
  ]
}
