import { TIME_VERBS, VERBS } from '../../../../../flag/verbs.ts'
import type { ClauseOperator, JsonScalar, TimeView } from '../../../../rules/view.ts'

/** Operators of clauses by group. */
export const OPERATOR_GROUPS: readonly (readonly [group: string, operators: readonly ClauseOperator[]])[] = [
  ['Value', ['==', '!=', 'one_of', '===', '!==']],
  ['Text', ['contains', 'starts_with', 'ends_with']],
  ['Order', ['<', '<=', '>', '>=', 'between', 'between_inclusive']],
  [
    'Version',
    ['sem_ver =', 'sem_ver !=', 'sem_ver <', 'sem_ver <=', 'sem_ver >', 'sem_ver >=', 'sem_ver ^', 'sem_ver ~'],
  ],
  ['Presence', ['is_set', 'is_not_set']],
]
/** Operators of comparisons with the time. */
export const TIME_OPERATORS: readonly TimeView['operator'][] = ['>=', '>', '<', '<=', 'between', 'between_inclusive']

/** What stands between the two values of an operator. */
const BETWEEN: Readonly<Record<string, string>> = { between: ' … and', between_inclusive: ' … to' }

/** An operator in a menu between an attribute and its values, as sentences name it. */
export const operatorName = (operator: ClauseOperator): string => VERBS[operator][0] + (BETWEEN[operator] ?? '')

/** An operator in a menu behind "The time". */
export const timeOperatorName = (operator: TimeView['operator']): string =>
  TIME_VERBS[operator][0] + (BETWEEN[operator] ?? '')

export type ScalarType = 'text' | 'number' | 'boolean' | 'null'

export const typeOfScalar = (value: JsonScalar): ScalarType => {
  if (value === null) return 'null'
  if (typeof value === 'number') return 'number'
  return typeof value === 'boolean' ? 'boolean' : 'text'
}

/** A value as typed. */
export const textOfScalar = (value: JsonScalar): string => (value === null ? '' : String(value))

/** The value that a typed text stands for; undefined if it is none of this type. */
export function scalarOfText(text: string, type: ScalarType): JsonScalar | undefined {
  if (type === 'null') return null
  if (type === 'text') return text
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined
  const isNumber = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text.trim())
  return isNumber && Number.isFinite(Number(text)) ? Number(text) : undefined
}

/** A value of another type that is as near to the old one as possible. */
export function convertScalar(value: JsonScalar, type: ScalarType): JsonScalar {
  const converted = scalarOfText(textOfScalar(value), type)
  if (converted !== undefined) return converted
  return type === 'boolean' ? true : 0
}
