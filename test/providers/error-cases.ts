import type { Document } from '../support/ofrep.ts'
import type { Answer, Case, Type } from './cases.ts'

type Made = Omit<Case, 'id' | 'origin' | 'environment'>

const VARIANTS: Readonly<Record<Type, Readonly<Record<string, unknown>>>> = {
  boolean: { one: true, other: false },
  string: { one: 'one', other: 'other' },
  integer: { one: 1, other: 2 },
  float: { one: 1.5, other: 2.5 },
  object: { one: { is: 'one' }, other: { is: 'other' } },
}
/** The application's own default of each type, unlike every variant. */
const DEFAULTS: Readonly<Record<Type, unknown>> = {
  boolean: false,
  string: 'default of the application',
  integer: -99,
  float: -99.5,
  object: { is: 'default of the application' },
}
const TYPES = Object.keys(VARIANTS) as Type[]
/** Rules that fail, and flagd's error for each. */
const FAILING: Readonly<Record<string, { targeting: object; error: string }>> = {
  'unknown-operator': { targeting: { no_such_operator: ['one'] }, error: 'PARSE_ERROR' },
  'unknown-reference': { targeting: { if: [{ $ref: 'no-such-rule' }, 'one', 'other'] }, error: 'PARSE_ERROR' },
  'missing-variant': { targeting: { if: [true, 'no-such-variant', 'one'] }, error: 'GENERAL' },
}

/** Flags that each fail in a different way. */
export const ERROR_SET: Document = {
  flags: Object.fromEntries([
    ...TYPES.flatMap((type) => {
      const variants = VARIANTS[type]
      return [
        [`right-${type}`, { state: 'ENABLED', variants, defaultVariant: 'one' }],
        [`disabled-${type}`, { state: 'DISABLED', variants, defaultVariant: 'one' }],
        [`no-default-${type}`, { state: 'ENABLED', variants, defaultVariant: null }],
        [`no-match-${type}`, { state: 'ENABLED', variants, defaultVariant: null, targeting: { if: [false, 'one'] } }],
        ...Object.entries(FAILING).map(([name, { targeting }]) => [
          `${name}-${type}`,
          { state: 'ENABLED', variants, defaultVariant: 'one', targeting },
        ]),
      ]
    }),
  ]),
}

const made = (key: string, type: Type, expected: Answer, context: Case['context'] = {}): Made => ({
  key,
  type,
  default: DEFAULTS[type],
  context,
  expected,
})
/** The application's default, with an error. */
const failed = (type: Type, error: string): Answer => ({ value: DEFAULTS[type], reason: 'ERROR', error })
const unset = (type: Type, reason: string): Answer => ({ value: DEFAULTS[type], reason, error: null })

/** 1 and 1.0 are one number to JSON and to a Struct, so integers and floats are not confused here. */
const isNumber = (type: Type): boolean => type === 'integer' || type === 'float'

/** Every kind of error that a flag can have, for every type. */
const EVERY_TYPE: readonly Made[] = TYPES.flatMap((type) => [
  made(`right-${type}`, type, { value: VARIANTS[type]['one'], variant: 'one', reason: 'STATIC', error: null }),
  made('missing-flag', type, failed(type, 'FLAG_NOT_FOUND')),
  made('missing/flag?of=a#name', type, failed(type, 'FLAG_NOT_FOUND')),
  made(`disabled-${type}`, type, unset(type, 'DISABLED')),
  made(`no-default-${type}`, type, unset(type, 'DEFAULT')),
  made(`no-match-${type}`, type, unset(type, 'DEFAULT')),
  ...Object.entries(FAILING).map(([name, { error }]) => made(`${name}-${type}`, type, failed(type, error))),
  ...TYPES.filter((other) => other !== type && !(isNumber(type) && isNumber(other))).map((other) =>
    made(`right-${other}`, type, failed(type, 'TYPE_MISMATCH')),
  ),
])

/** A context above the size limit of the service. */
const TOO_LONG: Made = {
  ...made('right-boolean', 'boolean', failed('boolean', 'GENERAL'), { text: 'x'.repeat(1_000_000) }),
  isRemote: true,
}

/** Every kind of error that an application can meet. */
export const ERROR_CASES: readonly Made[] = [...EVERY_TYPE, TOO_LONG]
