import type { ClauseOperator, JsonScalar } from '../../../../rules/view.ts'

/** Operators by group, with their names between an attribute and a value. */
export const OPERATOR_GROUPS: readonly (readonly [
  group: string,
  operators: readonly (readonly [ClauseOperator, string])[],
])[] = [
  [
    'Value',
    [
      ['==', 'is'],
      ['!=', 'is not'],
      ['one_of', 'is one of'],
      ['===', 'is exactly'],
      ['!==', 'is not exactly'],
    ],
  ],
  [
    'Text',
    [
      ['contains', 'contains'],
      ['starts_with', 'starts with'],
      ['ends_with', 'ends with'],
    ],
  ],
  [
    'Order',
    [
      ['<', 'is less than'],
      ['<=', 'is at most'],
      ['>', 'is more than'],
      ['>=', 'is at least'],
      ['between', 'is between'],
      ['between_inclusive', 'is between, both included'],
    ],
  ],
  [
    'Version',
    [
      ['sem_ver =', 'is version'],
      ['sem_ver !=', 'is not version'],
      ['sem_ver <', 'is before version'],
      ['sem_ver <=', 'is at most version'],
      ['sem_ver >', 'is after version'],
      ['sem_ver >=', 'is at least version'],
      ['sem_ver ^', 'has the major version of'],
      ['sem_ver ~', 'has the minor version of'],
    ],
  ],
  [
    'Presence',
    [
      ['is_set', 'is set'],
      ['is_not_set', 'is not set'],
    ],
  ],
]

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
