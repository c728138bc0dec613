import type { Node } from 'jsonc-parser'
import { checkSeeds } from '../../flag/check/seeds.ts'
import { pointerTo } from '../../flag/error.ts'
import { truthy } from '../../flag/rules/expression.ts'
import { CODE_DEFAULT } from '../../flag/verbs.ts'
import { conflictIn } from './contradictions.ts'
import { definitionOf, TARGETING } from './read.ts'
import { sayCondition, sayName } from './say.ts'
import { type JsonPath, jsonValueOf, nodeAt, parseText, pathAtPointer, type TextRange } from './text.ts'
import type { ConditionView, DefinitionView, OutcomeView, RuleView } from './view.ts'

/** Something that the service accepts and that is probably not meant, with its place in the text. */
export type RuleWarning = TextRange & {
  readonly kind: 'held' | 'unreachable' | 'unused_variant' | 'unknown_variant' | 'contradiction' | 'no_weight' | 'seed'
  readonly path: JsonPath
  readonly message: string
}

/** Finds what is probably not meant in the text of a definition. A text that is not JSON has no warnings. */
export function warningsIn(text: string): RuleWarning[] {
  const { root } = parseText(text)
  if (!root) return []
  const definition = definitionOf(root)
  const found = [
    ...heldWarnings(definition),
    ...unreachableRules(definition),
    ...outcomesOf(definition).flatMap((outcome) => outcomeWarnings(outcome, definition)),
    ...unusedVariants(definition),
    ...definition.rules.flatMap(({ condition }) => contradictions(condition)),
    ...seedWarnings(root),
  ]
  return found.map((warning) => ({ ...warning, ...rangeAt(root, warning.path) }))
}

type Found = Omit<RuleWarning, 'offset' | 'length'>

function rangeAt(root: Node, path: JsonPath): TextRange {
  const { offset, length } = nodeAt(root, path) ?? root
  return { offset, length }
}

function heldWarnings({ held, rules, defaultVariant }: DefinitionView): Found[] {
  const variant = held?.variant ?? defaultVariant
  if (!held || !rules[0]) return []
  const name = variant === null ? `the ${CODE_DEFAULT}` : sayName(variant)
  return [
    { kind: 'held', path: rules[0].condition.path, message: `Held at ${name} for everyone: no other rule applies` },
  ]
}

const isAlways = ({ condition }: RuleView): boolean => condition.kind === 'constant' && truthy(condition.value)
const isNever = ({ condition }: RuleView): boolean => condition.kind === 'constant' && !truthy(condition.value)
const textOf = (view: ConditionView): string => sayCondition(view, { json: JSON.stringify, time: String })

/** Rules that never match. Those behind a hold wait for its end. */
function unreachableRules({ rules, held }: DefinitionView): Found[] {
  const seen = new Map<string, number>()
  let always: number | undefined
  return rules.flatMap((rule, index): Found[] => {
    if (held && index === 0) return []
    const text = textOf(rule.condition)
    const cause = causeOf(rule, always, seen.get(text))
    if (always === undefined && isAlways(rule)) always = index
    if (!seen.has(text)) seen.set(text, index)
    const message = `Rule ${index + 1} never matches: ${cause}`
    return cause === undefined ? [] : [{ kind: 'unreachable', path: rule.condition.path, message }]
  })
}

/** Why a rule never matches, given the earlier rule that always does and the one with the same condition. */
function causeOf(rule: RuleView, always: number | undefined, same: number | undefined): string | undefined {
  if (isNever(rule)) return 'its condition is false'
  if (always !== undefined) return `rule ${always + 1} always does`
  return same === undefined ? undefined : `rule ${same + 1} has the same condition`
}

const outcomesOf = ({ rules, otherwise }: DefinitionView): OutcomeView[] => [
  ...rules.map(({ result }) => result),
  ...(otherwise ? [otherwise] : []),
]

function outcomeWarnings(outcome: OutcomeView, { variants }: DefinitionView): Found[] {
  const known = new Set(variants.map(({ name }) => name))
  const unknown = (variant: string | null, path: JsonPath): Found[] => {
    if (variant === null || known.has(variant)) return []
    return [
      { kind: 'unknown_variant', path, message: `${JSON.stringify(variant)} is no variant: the evaluation fails` },
    ]
  }
  if (outcome.kind === 'advanced') return []
  if (outcome.kind === 'result') return unknown(outcome.variant, outcome.path)
  const names = outcome.shares.flatMap(({ variant, path }) => unknown(variant, [...path, 0]))
  if (outcome.total > 0) return names
  return [
    ...names,
    { kind: 'no_weight', path: outcome.path, message: 'All weights are 0: the default variant is served' },
  ]
}

/** Variants that no rule and no default serves. An advanced result may serve any. */
function unusedVariants(definition: DefinitionView): Found[] {
  const { rules, otherwise, variants, defaultVariant, held } = definition
  const last = rules.findIndex((rule, index) => isAlways(rule) && !(held && index === 0))
  const reached = rules.slice(0, last === -1 ? rules.length : last + 1).filter((rule) => !isNever(rule))
  const outcomes = [...reached.map(({ result }) => result), ...(otherwise && last === -1 ? [otherwise] : [])]
  if (outcomes.some(({ kind }) => kind === 'advanced')) return []
  const served = new Set([defaultVariant, ...outcomes.flatMap(variantsOf)])
  return variants
    .filter(({ name }) => !served.has(name))
    .map(({ name, path }) => ({ kind: 'unused_variant', path, message: `Variant ${sayName(name)} is never served` }))
}

function variantsOf(outcome: OutcomeView): (string | null)[] {
  if (outcome.kind === 'result') return [outcome.variant]
  if (outcome.kind === 'advanced') return []
  return outcome.shares.filter(({ weight }) => weight > 0).map(({ variant }) => variant)
}

/** Clauses that cannot hold together with one before in the same `and`. */
function contradictions(condition: ConditionView): Found[] {
  if (condition.kind === 'not') return contradictions(condition.item)
  if (condition.kind !== 'group') return []
  const { items, operator } = condition
  const inner = items.flatMap(contradictions)
  if (operator === 'or') return inner
  const found = items.flatMap((item, index): Found[] => {
    const other = items.slice(0, index).find((before) => conflictIn(before, item))
    if (!other) return []
    return [{ kind: 'contradiction', path: item.path, message: `Cannot hold together with "${sayCondition(other)}"` }]
  })
  return [...found, ...inner]
}

function seedWarnings(root: Node): Found[] {
  const targeting = nodeAt(root, TARGETING)
  const mistakes = targeting ? checkSeeds(jsonValueOf(targeting), pointerTo('targeting')) : []
  return mistakes.map(({ pointer, message }) => ({ kind: 'seed', path: pathAtPointer(root, pointer), message }))
}
