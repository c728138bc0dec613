import { type Definition, isRecord } from './definition.ts'
import { truncate } from './error.ts'
import { isEntry, sumOf, toWeight } from './operators/fractional.ts'
import { isScalar, operatorCallOf, own, referenceOf, truthy } from './rules/expression.ts'
import { CODE_DEFAULT, TIME_VERBS, VERBS, type Verb } from './verbs.ts'

/**
 * What a flag serves in one environment. `partial`: it depends on the user; `held`: a first rule that is always true serves one variant.
 * A flag without rules whose variants are `true` and `false` is `off` if its default variant is not `true`.
 */
export type FlagSummary = {
  readonly state: 'on' | 'off' | 'held' | 'partial' | 'disabled'
  /** In words, such as "on for 10 %" or "on if plan is pro, +2", where 2 is the number of further rules. */
  readonly served: string
  /** The variant that all users get; null if it depends on the user, or if the application's default applies. */
  readonly variant: string | null
}

const CUSTOM = 'a custom rule holds'
const SHARES_SHOWN_MAX = 2
const VALUES_SHOWN_MAX = 2

/** Summarizes a definition. Total: what is no valid rule is "by a custom rule". */
export function summaryOf(definition: Definition): FlagSummary {
  const { state, targeting } = definition
  if (state !== 'ENABLED') return { state: 'disabled', served: CODE_DEFAULT, variant: null }
  const rules = rulesOf(targeting)
  const [first] = rules
  if (!first) return constantSummary(definition, variantOf(targeting, definition))
  if (first.condition === true && isResult(first.result)) {
    const variant = variantOf(first.result, definition)
    return { state: 'held', served: `held at ${variant ?? CODE_DEFAULT}`, variant }
  }
  const others = rules.length > 1 ? `, +${rules.length - 1}` : ''
  const served = resultText(first.result, definition)
  const when = first.condition === undefined ? '' : ` if ${truncate(conditionText(first.condition))}`
  return { state: 'partial', served: served + when + others, variant: null }
}

function constantSummary({ variants }: Definition, variant: string | null): FlagSummary {
  const values = Object.values(variants)
  const isSwitch = values.includes(true) && values.includes(false)
  const isOn = !isSwitch || (variant !== null && variants[variant] === true)
  return { state: isOn ? 'on' : 'off', served: variant ?? CODE_DEFAULT, variant }
}

/** Without a condition, the result is for all users. */
type SummaryRule = { readonly condition?: unknown; readonly result: unknown }

/** The pairs of `if`, also of an `if` in its else; a targeting that is no `if` is one rule, and a constant none. */
function rulesOf(targeting: unknown): SummaryRule[] {
  if (isResult(targeting)) return []
  const rules: SummaryRule[] = []
  let node = targeting
  for (let operands = chainIn(node); operands; operands = chainIn(node)) {
    const pairs = Math.floor(operands.length / 2)
    for (let pair = 0; pair < pairs; pair++)
      rules.push({ condition: operands[2 * pair] ?? null, result: operands[2 * pair + 1] })
    node = operands[2 * pairs]
  }
  return rules.length > 0 ? rules : [{ result: node }]
}

/** The operands of an `if` or `?:`; undefined for any other rule. */
function chainIn(rule: unknown): readonly unknown[] | undefined {
  const call = operatorCallOf(rule)
  const isChain = call?.operator === 'if' || call?.operator === '?:'
  return isChain && Array.isArray(call.written) && call.operands.length > 0 ? call.operands : undefined
}

/** Whether a rule is a constant: the name of a variant, or null for the default variant, as an empty object is. */
const isResult = (rule: unknown): boolean => isScalar(rule) || (isRecord(rule) && Object.keys(rule).length === 0)

/** The variant of a constant result; null for the application's default. */
function variantOf(result: unknown, { defaultVariant }: Definition): string | null {
  return result === null || !isScalar(result) || result === undefined ? defaultVariant || null : String(result)
}

function resultText(result: unknown, definition: Definition): string {
  if (isResult(result)) return variantOf(result, definition) ?? CODE_DEFAULT
  const shares = sharesOf(result, definition)
  if (!shares) return 'by a custom rule'
  const [first, second] = shares
  if (!first) return CODE_DEFAULT
  if (!second || shares.length > 2 || isOffVariant(first.name, definition) === isOffVariant(second.name, definition))
    return sharesText(shares)
  return shareText(isOffVariant(first.name, definition) ? second : first)
}

type NamedShare = { readonly name: string | null; readonly fraction: number }

/** The parts of all users by variant, in the order of a `fractional` with constants; undefined for any other rule. */
function sharesOf(rule: unknown, definition: Definition): NamedShare[] | undefined {
  const call = operatorCallOf(rule)
  if (call?.operator !== 'fractional') return undefined
  const entries = call.operands.length > 0 && !Array.isArray(call.operands[0]) ? call.operands.slice(1) : call.operands
  if (!entries.every(isEntry) || !entries.every((entry) => entry.slice(0, 2).every(isScalar))) return undefined
  const weights = entries.map(([, weight]) => toWeight(weight))
  const total = sumOf(weights)
  if (total === undefined) return undefined
  const parts = new Map<string | null, number>()
  for (const [index, [result]] of entries.entries()) {
    const name = variantOf(result, definition)
    parts.set(name, (parts.get(name) ?? 0) + (weights[index] ?? 0))
  }
  return [...parts].map(([name, weight]) => ({ name, fraction: weight / total }))
}

/** The variant that users get who are not in a rollout: that of `false`, otherwise the default variant. */
function isOffVariant(name: string | null, { variants, defaultVariant }: Definition): boolean {
  if (Object.values(variants).includes(false)) return name !== null && variants[name] === false
  return name === (defaultVariant || null)
}

function sharesText(shares: readonly NamedShare[]): string {
  const shown = shares.slice(0, SHARES_SHOWN_MAX).map(shareText)
  return [...shown, ...(shares.length > shown.length ? [`+${shares.length - shown.length}`] : [])].join(', ')
}

const shareText = ({ name, fraction }: NamedShare): string => `${name ?? CODE_DEFAULT} for ${percentText(fraction)}`

/** At most two decimals; no share is rounded to 0 or to 100 %. */
function percentText(fraction: number): string {
  const percent = Math.round(fraction * 10_000) / 100
  if (percent === 0 && fraction > 0) return 'under 0.01 %'
  return percent === 100 && fraction < 1 ? 'over 99.99 %' : `${percent} %`
}

const TIMESTAMP = '$flagd.timestamp'
const ATTRIBUTES: Readonly<Record<string, string>> = { targetingKey: 'targeting key', [TIMESTAMP]: 'time' }
/** The largest time of a JavaScript `Date`, in seconds. */
const SECONDS_MAX = 8.64e12

function conditionText(condition: unknown, isInner = false): string {
  if (isScalar(condition)) return truthy(condition) ? 'always' : 'never'
  const segment = referenceOf(condition)
  if (segment !== undefined) return `in segment ${segment}`
  const attribute = attributeIn(condition)
  if (attribute !== undefined) return `${attribute} ${VERBS.is_set[0]}`
  const { operator = '', operands = [] } = operatorCallOf(condition) ?? {}
  if (operator === 'and' || operator === 'or') return groupText(operator, operands, isInner)
  if (operator === '!' || operator === '!!') return negationText(operator, operands)
  return clauseText(operator, operands) ?? CUSTOM
}

function groupText(operator: string, operands: readonly unknown[], isInner: boolean): string {
  if (operands.length === 0) return CUSTOM
  const isOne = operands.length === 1
  const words = operands.map((operand) => conditionText(operand, !isOne)).join(` ${operator} `)
  return isInner && !isOne ? `(${words})` : words
}

function negationText(operator: string, operands: readonly unknown[]): string {
  const [inner] = operands
  if (operands.length !== 1) return CUSTOM
  const attribute = attributeIn(inner)
  if (operator === '!!') return attribute === undefined ? conditionText(inner) : `${attribute} ${VERBS.is_set[0]}`
  return attribute === undefined ? `not ${conditionText(inner, true)}` : `${attribute} ${VERBS.is_not_set[0]}`
}

/** An attribute compared with constants; undefined for any other operator call. */
function clauseText(operator: string, operands: readonly unknown[]): string | undefined {
  const [left, right, version] = operands
  const subject = attributeIn(left)
  if (subject === undefined)
    return operator === 'in' && isScalar(left) && attributeIn(right) !== undefined
      ? `${attributeIn(right)} ${VERBS.contains[0]} ${left}`
      : undefined
  if (operator === 'sem_ver' && operands.length === 3 && isScalar(right) && isScalar(version))
    return verbText(subject, own(VERBS, `sem_ver ${right}`), String(version))
  if (operands.length !== 2) return undefined
  if (operator === 'in') return membershipText(subject, right)
  const verbs: Readonly<Record<string, Verb>> = isTime(left) ? TIME_VERBS : VERBS
  return isScalar(right) ? verbText(subject, own(verbs, operator), valueText(left, right)) : undefined
}

const verbText = (subject: string, verb: Verb | undefined, value: string): string | undefined =>
  verb && `${subject} ${verb[0]} ${value}`

/** Whether a rule reads the time of the evaluation. */
const isTime = (rule: unknown): boolean => operatorCallOf(rule)?.operands[0] === TIMESTAMP

function membershipText(subject: string, list: unknown): string | undefined {
  const segment = referenceOf(list)
  if (segment !== undefined) return `${subject} ${VERBS.in_segment[0]} segment ${segment}`
  if (!Array.isArray(list) || !list.every(isScalar)) return undefined
  const shown = list.slice(0, VALUES_SHOWN_MAX).join(', ')
  if (list.length === 1) return `${subject} is ${shown}`
  return `${subject} ${VERBS.one_of[0]} ${shown}${list.length > VALUES_SHOWN_MAX ? `, +${list.length - VALUES_SHOWN_MAX}` : ''}`
}

function valueText(attribute: unknown, value: unknown): string {
  if (!isTime(attribute) || typeof value !== 'number' || Math.abs(value) > SECONDS_MAX) return String(value)
  return `${new Date(value * 1_000).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** The name of the attribute that `{"var": name}` reads; undefined for any other rule. */
function attributeIn(rule: unknown): string | undefined {
  const call = operatorCallOf(rule)
  const [name, ...others] = call?.operands ?? []
  if (call?.operator !== 'var' || others.length > 0 || typeof name !== 'string' || name === '') return undefined
  return Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name] : name
}
