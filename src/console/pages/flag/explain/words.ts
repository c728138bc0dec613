import type { ExplainedResult, ExplainedRule } from '../../../../flag/explain/chain.ts'
import type { Decision } from '../../../../flag/explain/explain.ts'
import type { Note } from '../../../../flag/explain/nodes.ts'

/** A value in words: text in quotes, a list with commas. */
export function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueText).join(', ')
  return value === undefined ? 'nothing' : JSON.stringify(value)
}

const TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })

/** Unix seconds as date and time of the viewer's zone. */
export const timeText = (value: unknown): string =>
  typeof value === 'number' && Math.abs(value) <= 8.64e12 ? TIME.format(value * 1_000) : valueText(value)

const OPERATORS: Readonly<Record<string, string>> = {
  '==': 'is',
  '===': 'is exactly',
  '!=': 'is not',
  '!==': 'is not exactly',
  '<': 'is less than',
  '<=': 'is at most',
  '>': 'is more than',
  '>=': 'is at least',
  in: 'is one of',
  starts_with: 'starts with',
  ends_with: 'ends with',
  '!!': 'is set',
  '!': 'is not set',
}
const VERSION_TESTS: Readonly<Record<string, string>> = {
  '=': 'is version',
  '!=': 'is not version',
  '<': 'is before version',
  '<=': 'is at most version',
  '>': 'is after version',
  '>=': 'is at least version',
  '^': 'has the major version of',
  '~': 'has the minor version of',
}

type Say = (value: unknown) => string

/** What a clause compares: its operator and its constants, in words. */
export function expectationText(operator: string, expected: unknown, say: Say = valueText): string {
  const verb = OPERATORS[operator] ?? operator
  if (operator === '!' || operator === '!!') return verb
  if (Array.isArray(expected)) return severalText(operator, expected, say)
  return operator === 'in' ? `contains ${say(expected)}` : `${verb} ${say(expected)}`
}

/** A version test, two bounds, or a list. */
function severalText(operator: string, expected: readonly unknown[], say: Say): string {
  const [first, second] = expected
  if (operator === 'sem_ver') return `${VERSION_TESTS[String(first)] ?? String(first)} ${say(second)}`
  if (operator === '<') return `is between ${say(first)} and ${say(second)}`
  if (operator === '<=') return `is between ${say(first)} and ${say(second)}, both included`
  return `${OPERATORS[operator] ?? operator} ${say(expected)}`
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

/** Who decided, in two or three words. */
export function decisionText({ kind, rule = 0 }: Decision): string {
  const words: Readonly<Record<Decision['kind'], string>> = {
    rule: `Rule ${rule + 1}`,
    otherwise: 'Otherwise',
    default_variant: 'Default variant',
    code_default: 'Default in the code',
    disabled: 'Disabled',
    held: 'Held',
    error: 'Error',
  }
  return words[kind]
}

/** A result before its evaluation: a variant, or the shares of a split. */
export function resultText(result: ExplainedResult): string {
  if (result.kind === 'split') return 'a split'
  if (result.kind !== 'constant') return result.value === 'not_reached' ? 'a computed variant' : valueText(result.value)
  return result.value === null ? 'the default variant' : String(result.value)
}
