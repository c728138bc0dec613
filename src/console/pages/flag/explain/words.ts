import type { ExplainedResult, ExplainedRule } from '../../../../flag/explain/chain.ts'
import type { Note } from '../../../../flag/explain/nodes.ts'
import { own } from '../../../../flag/rules/expression.ts'
import { TIME_VERBS, VERBS, type Verb } from '../../../../flag/verbs.ts'

/** A value in words: text in quotes, a list with commas. */
export function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueText).join(', ')
  return value === undefined ? 'nothing' : JSON.stringify(value)
}

const TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })

/** Unix seconds as date and time of the viewer's zone. */
export const timeText = (value: unknown): string =>
  typeof value === 'number' && Math.abs(value) <= 8.64e12 ? TIME.format(value * 1_000) : valueText(value)

type Say = (value: unknown) => string

/** The operator of a clause whose JSON has the operator `written`, and these constants. */
function clauseOperatorOf(written: string, expected: unknown): string {
  if (written === '!!') return 'is_set'
  if (written === '!') return 'is_not_set'
  if (written === 'in') return Array.isArray(expected) ? 'one_of' : 'contains'
  if (!Array.isArray(expected)) return written
  if (written === 'sem_ver') return `sem_ver ${expected[0]}`
  return { '<': 'between', '<=': 'between_inclusive' }[written] ?? written
}

/** What a clause compares: its operator and its constants, in the words of sentences. */
export function expectationText(written: string, expected: unknown, say: Say = valueText): string {
  return clauseText(VERBS, clauseOperatorOf(written, expected), expected, say)
}

/** Like `expectationText()` of a clause about the time. */
export function timeExpectationText(written: string, expected: unknown): string {
  return clauseText(TIME_VERBS, clauseOperatorOf(written, expected), expected, timeText)
}

function clauseText(verbs: Readonly<Record<string, Verb>>, operator: string, expected: unknown, say: Say): string {
  const verb = own(verbs, operator)?.[0] ?? operator
  if (operator === 'is_set' || operator === 'is_not_set') return verb
  const [first, second] = Array.isArray(expected) ? expected : []
  if (operator.startsWith('sem_ver ')) return `${verb} ${say(second)}`
  if (operator === 'between') return `${verb} ${say(first)} and ${say(second)}`
  if (operator === 'between_inclusive') return `${verb} ${say(first)} to ${say(second)}`
  return `${verb} ${say(expected)}`
}

export const NOTES: Readonly<Record<Note, string>> = {
  attribute_missing: 'The context has no such attribute',
  type_differs: 'The context has a value of another type',
  not_a_version: 'The value is not a semantic version',
  truthy: 'Only empty values, 0 and false count as not set',
}

export const OUTCOMES: Readonly<Record<ExplainedRule['outcome'], { readonly sign: string; readonly word: string }>> = {
  match: { sign: '✓', word: 'matches' },
  no_match: { sign: '✗', word: 'does not match' },
  not_reached: { sign: '–', word: 'not reached' },
  error: { sign: '!', word: 'fails' },
}

/** A result before its evaluation: a variant, or the shares of a split. */
export function resultText(result: ExplainedResult): string {
  if (result.kind === 'split') return 'a split'
  if (result.kind !== 'constant') return result.value === 'not_reached' ? 'a computed variant' : valueText(result.value)
  return result.value === null ? 'the default variant' : String(result.value)
}
