import { align, type Slot } from '../draft/sequence.ts'
import { sayAttribute, sayCondition, sayName, sayOutcome, sayPercent, sayRule, type Wording } from '../rules/say.ts'
import type { DefinitionView, OutcomeView, RuleView, SplitView } from '../rules/view.ts'
import { conditionDifferences, type DifferenceSentence } from './conditions.ts'

/** What differs between the rules of two definitions. Rules are counted from 1, without the one that holds the flag. */
export function ruleDifferences(before: DefinitionView, after: DefinitionView, wording: Wording): DifferenceSentence[] {
  const words = { defaultVariant: after.defaultVariant, ...wording }
  const [old, next] = [freeRules(before), freeRules(after)]
  const slots = pairsOf(old, next)
  const moved = new Set(movedSlots(slots))
  return [
    ...holdDifference(before.held, after.held),
    ...slots.flatMap((slot) => ruleDifference(old, next, slot, words)),
    ...slots.filter((slot) => moved.has(slot)).flatMap((slot) => moveSentence(next, slot, words)),
    ...outcomeDifference(before.otherwise, after.otherwise, 'Otherwise: ', words),
  ]
}

const freeRules = ({ rules, held }: DefinitionView): readonly RuleView[] => (held ? rules.slice(1) : rules)

function holdDifference(before: DefinitionView['held'], after: DefinitionView['held']): DifferenceSentence[] {
  if (before?.variant === after?.variant) return []
  const path = ['targeting']
  if (!after) return [{ kind: 'removed', path, text: `Released from ${variantName(before?.variant)}` }]
  return [{ kind: before ? 'changed' : 'added', path, text: `Held at ${variantName(after.variant)}` }]
}

const variantName = (name: string | null | undefined): string => (name ? sayName(name) : 'the default variant')

/** Pairs the rules of two versions: the same rule, or one with the same condition, the same result, or at the same place. */
function pairsOf(old: readonly RuleView[], next: readonly RuleView[]): readonly Slot[] {
  const keys = [textOf, conditionOf, resultOf].map((key) => (rule: unknown) => key(rule as RuleView))
  return align(old, next, next, { keys, isByPlace: true }).slots
}

const WHOLE: Wording = { json: JSON.stringify, time: String }
const conditionOf = ({ condition }: RuleView): string => sayCondition(condition, WHOLE)
const resultOf = ({ result }: RuleView): string => sayOutcome(result, WHOLE)
const textOf = (rule: RuleView): string => sayRule(rule, WHOLE)

function ruleDifference(
  old: readonly RuleView[],
  next: readonly RuleView[],
  { base, mine }: Slot,
  wording: Wording,
): DifferenceSentence[] {
  const [before, after] = [old[base ?? -1], next[mine ?? -1]]
  if (!before && after) {
    const text = `Added rule ${(mine ?? 0) + 1}: ${sayRule(after, wording)}`
    return [{ kind: 'added', path: after.condition.path, text }]
  }
  if (before && !after) {
    const text = `Removed rule ${(base ?? 0) + 1}: ${sayRule(before, wording)}`
    return [{ kind: 'removed', path: before.condition.path, text }]
  }
  if (!before || !after) return []
  const subject = `Rule ${(mine ?? 0) + 1}: `
  return [
    ...conditionDifferences(before.condition, after.condition, subject, wording),
    ...outcomeDifference(before.result, after.result, subject, wording),
  ]
}

/** The rules that have to move so that all others keep their order: those outside the longest increasing sequence. */
function movedSlots(slots: readonly Slot[]): Slot[] {
  const kept = slots.filter(({ base, mine }) => base !== undefined && mine !== undefined)
  const sequence = [...kept].sort((one, other) => (one.mine ?? 0) - (other.mine ?? 0))
  const longest: Slot[][] = []
  for (const slot of sequence) {
    const before = longest.filter((each) => (each.at(-1)?.base ?? 0) < (slot.base ?? 0))
    const best = before.reduce<Slot[]>((most, each) => (each.length > most.length ? each : most), [])
    longest.push([...best, slot])
  }
  const stay = new Set(longest.reduce<Slot[]>((most, each) => (each.length > most.length ? each : most), []))
  return kept.filter((slot) => !stay.has(slot))
}

function moveSentence(next: readonly RuleView[], { base, mine }: Slot, wording: Wording): DifferenceSentence[] {
  const rule = next[mine ?? -1]
  if (!rule) return []
  const text = `Moved rule ${(base ?? 0) + 1} to place ${(mine ?? 0) + 1}: ${sayRule(rule, wording)}`
  return [{ kind: 'moved', path: rule.condition.path, text }]
}

function outcomeDifference(
  before: OutcomeView | undefined,
  after: OutcomeView | undefined,
  subject: string,
  wording: Wording,
): DifferenceSentence[] {
  const path = after?.path ?? before?.path ?? ['targeting']
  if (before?.kind === 'split' && after?.kind === 'split') {
    const text = splitDifference(before, after, wording)
    if (text !== undefined) return text === '' ? [] : [{ kind: 'changed', path, text: subject + text }]
  }
  if (sayOutcome(before, WHOLE) === sayOutcome(after, WHOLE)) return []
  return [{ kind: 'changed', path, text: `${subject}${sayOutcome(before, wording)} → ${sayOutcome(after, wording)}` }]
}

/** Changed shares of the same variants: `on 10 % → 20 %, off 90 % → 80 %`. Undefined if the variants differ. */
function splitDifference(before: SplitView, after: SplitView, wording: Wording): string | undefined {
  if (before.shares.length !== after.shares.length) return undefined
  if (before.shares.some(({ variant }, index) => variant !== after.shares[index]?.variant)) return undefined
  const parts = after.shares.flatMap(({ variant, weight }, index) => {
    const [from, to] = [sayPercent(before.shares[index]?.weight ?? 0, before.total), sayPercent(weight, after.total)]
    const name = variant === null ? sayOutcome(undefined, wording) : sayName(variant)
    return from === to ? [] : [`${name} ${from} → ${to}`]
  })
  const [old, next] = [before.by, after.by]
  if (old.attribute !== next.attribute)
    parts.push(
      `by ${sayAttribute(next.attribute ?? 'targetingKey')} instead of ${sayAttribute(old.attribute ?? 'targetingKey')}`,
    )
  else if (old.isSalted !== next.isSalted)
    parts.push(next.isSalted ? 'users fall on another place in each flag' : 'users fall on the same place in each flag')
  return parts.join(', ')
}
