import { truncate } from '../../flag/error.ts'
import { truthy } from '../../flag/rules/expression.ts'
import { CODE_DEFAULT, TIME_VERBS, VERBS } from '../../flag/verbs.ts'
import { servingOf } from './serving.ts'
import type {
  ClauseOperator,
  ClauseView,
  ConditionView,
  DefinitionView,
  JsonScalar,
  OutcomeView,
  RuleView,
  SplitView,
  TimeView,
} from './view.ts'

/** How parts of a sentence are written. */
export type Wording = {
  /** A time in unix seconds; by default in UTC. */
  readonly time?: (seconds: number) => string
  /** JSON of advanced parts; by default cut off after 60 characters. */
  readonly json?: (value: unknown) => string
  /** The name of the default variant, null if there is none; without it, it is not named. */
  readonly defaultVariant?: string | null | undefined
}

/** A condition in English: `plan is pro and (country is DE or age is at least 18)`. */
export function sayCondition(condition: ConditionView, wording: Wording = {}): string {
  return new Speaker(wording).condition(condition, true)
}

/** What a rule gives: `on`, `the default variant`, or `10 % on and 90 % off by targeting key`. */
export function sayOutcome(outcome: OutcomeView | undefined, wording: Wording = {}): string {
  return new Speaker(wording).outcome(outcome)
}

/** A rule: `on if plan is pro`. */
export function sayRule(rule: RuleView, wording: Wording = {}): string {
  return new Speaker(wording).rule(rule)
}

/** What a definition serves, in one sentence without a full stop. */
export function sayDefinition(definition: DefinitionView, wording: Wording = {}): string {
  const serving = servingOf(definition)
  if (serving.kind === 'disabled') return 'Disabled: applications use the default in their code'
  if (serving.kind === 'constant')
    return serving.variant === null
      ? 'Applications use the default in their code'
      : `${sayName(serving.variant)} for everyone`
  if (definition.hasPlan) return 'As its plan says'
  const { rules, otherwise, held, defaultVariant } = definition
  const speaker = new Speaker({ defaultVariant, ...wording })
  if (held) return `Held at ${speaker.variant(held.variant)}`
  if (rules.length === 0) return `${speaker.outcome(otherwise)} for everyone`
  return [...rules.map((rule) => speaker.rule(rule)), `otherwise ${speaker.outcome(otherwise)}`].join('; ')
}

/** The share of a weight: `10 %`, at most two decimals. */
export function sayPercent(weight: number, total: number): string {
  const percent = total === 0 ? 0 : (100 * weight) / total
  const rounded = Number(percent.toFixed(2))
  return rounded === 0 && percent > 0 ? 'under 0.01 %' : `${rounded} %`
}

const PLAIN = /^[A-Za-z_$][\w$.@-]*$/
const WORDS = new Set(
  'a all always and another another any at by default does exactly for has if in is missing never no not of one or the time true false'.split(
    ' ',
  ),
)
const ATTRIBUTES: Readonly<Record<string, string>> = { targetingKey: 'targeting key', '$flagd.flagKey': 'flag key' }

/** A name as it is, or in quotes if it could be read as part of the sentence. */
export const sayName = (name: string): string => (PLAIN.test(name) && !WORDS.has(name) ? name : JSON.stringify(name))

export const sayAttribute = (path: string): string =>
  Object.hasOwn(ATTRIBUTES, path) ? (ATTRIBUTES[path] ?? path) : sayName(path)

/** A constant; texts that look like another value are quoted. */
export function sayValue(value: JsonScalar): string {
  if (value === null) return 'missing'
  return typeof value === 'string' ? sayName(value) : String(value)
}

const sayTime = (seconds: number): string =>
  `${new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`

class Speaker {
  readonly #time: (seconds: number) => string
  readonly #json: (value: unknown) => string
  readonly #defaultVariant: string

  constructor({ time = sayTime, json = (value) => truncate(JSON.stringify(value)), defaultVariant }: Wording) {
    this.#time = time
    this.#json = json
    const isKnown = typeof defaultVariant === 'string'
    const unnamed = defaultVariant === null ? `the ${CODE_DEFAULT}` : 'the default variant'
    this.#defaultVariant = isKnown ? sayName(defaultVariant) : unnamed
  }

  rule({ condition, result }: RuleView): string {
    return `${this.outcome(result)} if ${this.condition(condition, true)}`
  }

  /** Null: the default variant. */
  variant(name: string | null): string {
    return name === null ? this.#defaultVariant : sayName(name)
  }

  condition(view: ConditionView, isWhole: boolean): string {
    switch (view.kind) {
      case 'group':
        return this.#group(view.items, view.operator, isWhole)
      case 'not':
        return this.#negation(view.item)
      case 'segment':
        return `in segment ${sayName(view.name)}`
      case 'clause':
      case 'time':
        return this.#clause(view, 0)
      case 'list':
        return `one of ${listOf(view.values)}`
      case 'constant':
        return truthy(view.value) ? 'always' : 'never'
      case 'advanced':
        return `rule ${this.#json(view.value)} holds`
    }
  }

  outcome(view: OutcomeView | undefined): string {
    if (view === undefined) return this.variant(null)
    if (view.kind === 'split') return this.#split(view)
    if (view.kind === 'advanced') return `the variant of ${this.#json(view.value)}`
    return this.variant(view.variant)
  }

  #group(items: readonly ConditionView[], operator: 'and' | 'or', isWhole: boolean): string {
    const [first] = items
    if (items.length === 1 && first) return this.condition(first, isWhole)
    const joined = items.map((item) => this.condition(item, false)).join(` ${operator} `)
    return isWhole ? joined : `(${joined})`
  }

  #negation(item: ConditionView): string {
    if (item.kind === 'clause' || item.kind === 'time') return this.#clause(item, 1)
    if (item.kind === 'segment') return `not in segment ${sayName(item.name)}`
    return `not ${this.condition(item, false)}`
  }

  #clause(view: ClauseView | TimeView, form: 0 | 1): string {
    if (view.kind === 'time') {
      const [first = '', second] = view.values.map((seconds) => this.#time(seconds))
      return `the time ${TIME_VERBS[view.operator][form]} ${rangeOf(view.operator, first, second)}`
    }
    const { operator, values, segment, attribute, fallback } = view
    const subject = sayAttribute(attribute) + (fallback === null ? '' : ` (by default ${sayValue(fallback)})`)
    return [subject, VERBS[operator][form], objectOf(operator, values, segment)].filter((part) => part !== '').join(' ')
  }

  #split({ shares, by, total }: SplitView): string {
    if (total === 0) return this.variant(null)
    const parts = shares.map(({ variant, weight }) => `${sayPercent(weight, total)} ${this.variant(variant)}`)
    return `${joinWords(parts)} by ${sayAttribute(by.attribute ?? 'targetingKey')}`
  }
}

/** The values of a clause, after its verb. */
function objectOf(operator: ClauseOperator, values: readonly JsonScalar[], segment: string | undefined): string {
  if (operator === 'one_of') return listOf(values)
  if (operator === 'in_segment') return `segment ${sayName(segment ?? '')}`
  const [first = '', second] = values.map(sayValue)
  return rangeOf(operator, first, second)
}

function rangeOf(operator: string, first: string, second: string | undefined): string {
  if (second === undefined) return first
  return operator === 'between' ? `${first} and ${second}` : `${first} to ${second}`
}

const listOf = (values: readonly JsonScalar[]): string =>
  values.length === 0 ? 'no value' : values.map(sayValue).join(', ')

/** `a`, `a and b`, `a, b and c`. */
export function joinWords(parts: readonly string[]): string {
  const last = parts.at(-1) ?? ''
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(', ')} and ${last}`
}
