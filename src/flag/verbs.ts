/** A verb between an attribute and the values of a clause, and its negation. */
export type Verb = readonly [verb: string, negation: string]

/** Verbs by operator, the same in lists, sentences, explanations and the rule builder. */
export const VERBS = {
  '==': ['is', 'is not'],
  '!=': ['is not', 'is'],
  '===': ['is exactly', 'is not exactly'],
  '!==': ['is not exactly', 'is exactly'],
  '<': ['is less than', 'is not less than'],
  '<=': ['is at most', 'is not at most'],
  '>': ['is greater than', 'is not greater than'],
  '>=': ['is at least', 'is not at least'],
  between: ['is between', 'is not between'],
  between_inclusive: ['is from', 'is not from'],
  one_of: ['is one of', 'is not one of'],
  in_segment: ['is listed in', 'is not listed in'],
  contains: ['contains', 'does not contain'],
  starts_with: ['starts with', 'does not start with'],
  ends_with: ['ends with', 'does not end with'],
  is_set: ['is set', 'is not set'],
  is_not_set: ['is not set', 'is set'],
  'sem_ver =': ['is version', 'is not the version'],
  'sem_ver !=': ['is another version than', 'is no other version than'],
  'sem_ver <': ['is a version before', 'is no version before'],
  'sem_ver <=': ['is a version up to', 'is no version up to'],
  'sem_ver >': ['is a version after', 'is no version after'],
  'sem_ver >=': ['is a version from', 'is no version from'],
  'sem_ver ^': ['has the major version of', 'does not have the major version of'],
  'sem_ver ~': ['has the minor version of', 'does not have the minor version of'],
} as const satisfies Readonly<Record<string, Verb>>

/** Verbs after "the time". */
export const TIME_VERBS = {
  '<': ['is before', 'is not before'],
  '<=': ['is at or before', 'is not at or before'],
  '>': ['is after', 'is not after'],
  '>=': ['is at or after', 'is not at or after'],
  between: VERBS.between,
  between_inclusive: VERBS.between_inclusive,
} as const satisfies Readonly<Record<string, Verb>>

/** What an application gets from the service where no variant is named: the default in its code. */
export const CODE_DEFAULT = 'default in the code'
