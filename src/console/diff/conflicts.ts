import type { Conflict } from '../draft/merged.ts'
import { readDefinition, readSegment } from '../rules/read.ts'
import { sayCondition, sayDefinition, sayName, sayOutcome, sayRule } from '../rules/say.ts'
import type { JsonPath } from '../rules/text.ts'
import type { DefinitionView, RuleView } from '../rules/view.ts'
import { sayJson } from './differences.ts'

/** What a conflict is about: "Default variant", "Rule 2: condition". `base` is the definition that both sides have changed. */
export function conflictTitle({ path, kind }: Conflict, base: DefinitionView): string {
  const [member, name] = path
  if (member === 'targeting') return targetingTitle(path, kind, base)
  if (member === 'defaultVariant') return 'Default variant'
  if (member === 'state') return 'Enabled or disabled'
  if (member === 'variants') return name === undefined ? 'Variants' : `Variant ${sayName(String(name))}`
  if (member === 'metadata') return name === undefined ? 'Metadata' : `Metadata ${sayName(String(name))}`
  return `Member ${sayName(String(member ?? 'definition'))}`
}

function targetingTitle(path: JsonPath, kind: Conflict['kind'], { rules }: DefinitionView): string {
  if (path.length === 1) return 'All rules'
  const index = rules.findIndex((rule) => isIn(path, rule.condition.path) || isIn(path, rule.result.path))
  const rule = rules[index]
  if (!rule) return 'Otherwise'
  if (kind === 'rule') return `Rule ${index + 1}`
  return `Rule ${index + 1}: ${isIn(path, rule.condition.path) ? 'condition' : 'result'}`
}

const isIn = (path: JsonPath, outer: JsonPath): boolean =>
  path.length >= outer.length && outer.every((step, index) => step === path[index])

/** One side of a conflict in words. `base` is the definition that both sides have changed. */
export function sayConflictPart({ path, kind }: Conflict, value: unknown, base: DefinitionView): string {
  if (value === undefined) return kind === 'rule' ? 'Removed' : 'Nothing'
  if (path[0] !== 'targeting') return sayJson(value)
  if (kind === 'rule') return sayFirst({ if: value }, sayRule) ?? sayJson(value)
  if (path.length === 1) return sayTargeting(value, base)
  if (path.at(-1) === 'fractional') return sayOutcomeOf({ fractional: value })
  if (isCondition(path, base)) return sayConditionOf(path, value)
  return sayOutcomeOf(value)
}

const isCondition = (path: JsonPath, { rules }: DefinitionView): boolean =>
  rules.some(({ condition }) => isIn(path, condition.path))

function sayConditionOf(path: JsonPath, value: unknown): string {
  const operator = path.at(-1)
  const rule = operator === 'and' || operator === 'or' || operator === '!' ? { [operator]: value } : value
  const { view } = readSegment(JSON.stringify(rule))
  return view ? sayCondition(view) : sayJson(value)
}

function sayOutcomeOf(value: unknown): string {
  return sayFirst({ if: [true, value] }, ({ result }) => sayOutcome(result)) ?? sayJson(value)
}

function sayFirst(targeting: unknown, say: (rule: RuleView) => string): string | undefined {
  const { view } = readDefinition(JSON.stringify({ targeting }))
  const [rule] = view?.rules ?? []
  return rule && say(rule)
}

function sayTargeting(targeting: unknown, { defaultVariant }: DefinitionView): string {
  const { view } = readDefinition(JSON.stringify({ state: 'ENABLED', defaultVariant, targeting }))
  return view ? sayDefinition(view) : sayJson(targeting)
}

/** What a conflict in a segment is about: "Rule", "Condition 2". `base` is the rule that both sides have changed. */
export function segmentConflictTitle({ path }: Conflict, base: unknown): string {
  if (path.length === 0) return 'Rule'
  if (Array.isArray(base)) return 'Value of the list'
  const place = path.find((step) => typeof step === 'number')
  return typeof place === 'number' ? `Condition ${place + 1}` : 'Rule'
}

/** One side of a conflict in a segment in words. */
export function saySegmentPart({ path }: Conflict, value: unknown): string {
  if (value === undefined) return 'Removed'
  const operator = path.at(-1)
  const { view } = readSegment(JSON.stringify(typeof operator === 'string' ? { [operator]: value } : value))
  return view ? sayCondition(view) : sayJson(value)
}
