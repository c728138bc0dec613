import { isDeepStrictEqual } from 'node:util'
import type { Language } from './build.ts'
import { type Answer, type Case, isDangling, type Mode } from './cases.ts'

/** A defect or limitation by which a published provider deviates from the test bed. */
export type Known = {
  readonly language: Language
  readonly modes: readonly Mode[]
  /** All these cases must deviate: an entry whose cases are correct fails the test. The first matching entry applies. */
  readonly cases: (one: Case) => boolean
  readonly why: string
  /** The members of its result that deviate, if they are predictable. */
  readonly instead?: (one: Case) => Answer
  /** True if some of the cases are correct by chance. */
  readonly isSometimesRight?: true
}

/** The server names no variant, so that the application's default applies. */
const isUnset = ({ expected: { value, reason }, default: fallback }: Case): boolean =>
  (reason === 'DISABLED' || reason === 'DEFAULT') && isDeepStrictEqual(value, fallback)
const isDisabled = (one: Case): boolean => one.expected.reason === 'DISABLED'
const isWithoutDefault = (one: Case): boolean => isUnset(one) && !isDisabled(one)
const isWholeFloat = (one: Case): boolean =>
  one.type === 'float' && Number.isInteger(one.expected.value) && !isUnset(one)
const isMismatch = (one: Case): boolean => one.expected.error === 'TYPE_MISMATCH'
const isMismatchOf = (one: Case, key: RegExp, ...types: readonly string[]): boolean =>
  isMismatch(one) && key.test(one.key) && types.includes(one.type)
const isFailedRule = ({ expected: { error }, isRemote }: Case): boolean =>
  !isRemote && (error === 'PARSE_ERROR' || error === 'GENERAL')
const isTooLong = ({ isRemote }: Case): boolean => isRemote === true
const isParseError = ({ expected: { error } }: Case): boolean => error === 'PARSE_ERROR'
/** An integer outside of 32 bits. */
const isLong = (value: unknown): boolean =>
  Number.isInteger(value) &&
  Math.abs(Number(value)) > 2 ** 31 - 1 &&
  value !== -(2 ** 31) &&
  Math.abs(Number(value)) < 2 ** 63
const holdsLong = ({ context }: Case): boolean => Object.values(context).some(isLong)
const holdsObject = ({ context }: Case): boolean => Object.values(context).some((value) => typeof value === 'object')

const holdsNull = ({ context }: Case): boolean => JSON.stringify(context).includes('null')

/** The answer of a flag whose `sem_ver` is null. */
function withoutVersion({ key }: Case): Answer {
  if (/invalid|wrong-args/.test(key)) return { value: 'fallback', variant: 'fallback', reason: 'DEFAULT' }
  const value = key.startsWith('semver-') ? 'no-match' : 'none'
  return { value, variant: value }
}
const needsVersion = (one: Case): boolean =>
  /^semver-|-version-flag$/.test(one.key) && one.expected.value !== withoutVersion(one).value
/** A number, or a text of fewer than three numbers. */
const isPartial = (version: unknown): boolean => /^\d+(\.\d+)?$/.test(String(version))

const ZERO: Readonly<Record<Case['type'], unknown>> = { boolean: false, string: '', integer: 0, float: 0, object: {} }
const isZero = (one: Case): boolean => isDeepStrictEqual(one.default, ZERO[one.type])
const failed = (error: string) => (one: Case) => ({ value: one.default, variant: null, reason: 'ERROR', error })

export const KNOWN: readonly Known[] = [
  {
    language: 'python',
    modes: ['ofrep'],
    cases: isUnset,
    why: 'it takes an answer without a variant for an error',
    instead: failed('GENERAL'),
  },
  {
    language: 'python',
    modes: ['ofrep'],
    cases: isWholeFloat,
    why: 'JSON has no 1.0, and it takes 1 for no float',
    instead: failed('TYPE_MISMATCH'),
  },
  {
    language: 'python',
    modes: ['ofrep'],
    cases: (one) => isMismatchOf(one, /^right-boolean/, 'integer'),
    why: 'true is an integer to Python',
    instead: () => ({ value: true, reason: 'STATIC', error: null }),
  },
  {
    language: 'python',
    modes: ['in-process'],
    cases: (one) => isMismatchOf(one, /^right-boolean/, 'float'),
    why: 'true is a number to Python',
    instead: () => ({ value: 1, reason: 'STATIC', error: null }),
  },
  {
    language: 'go',
    modes: ['ofrep'],
    cases: (one) => isWithoutDefault(one) && one.type !== 'object',
    why: 'it takes an answer without a value for one of the wrong type',
    instead: failed('TYPE_MISMATCH'),
  },
  {
    language: 'go',
    modes: ['ofrep'],
    cases: (one) => isWithoutDefault(one) && one.type === 'object',
    why: 'it takes an answer without a value for nil',
    instead: () => ({ value: null }),
  },
  {
    language: 'go',
    modes: ['ofrep'],
    cases: (one) => isMismatchOf(one, /^right-/, 'object'),
    why: 'any value is an object to it',
  },
  {
    language: 'go',
    modes: ['in-process'],
    cases: (one) => isDisabled(one) && (one.type === 'object' || !isZero(one)),
    why: "a disabled flag is Go's zero value to it, and not the application's default",
    instead: ({ type }) => ({ value: type === 'object' ? null : ZERO[type] }),
  },
  {
    language: 'go',
    modes: ['in-process'],
    cases: ({ key }) => key === 'flagd-context-aware',
    why: 'it ignores the context values of the service',
    instead: () => ({ value: 'EXTERNAL' }),
  },
  {
    language: 'java',
    modes: ['ofrep', 'in-process'],
    cases: isUnset,
    why: 'it takes a disabled flag and one without default for none',
    instead: failed('FLAG_NOT_FOUND'),
  },
  {
    language: 'java',
    modes: ['ofrep'],
    cases: isFailedRule,
    why: 'every 400 is an invalid context to it',
    instead: failed('INVALID_CONTEXT'),
  },
  {
    language: 'java',
    modes: ['ofrep'],
    cases: isWholeFloat,
    why: 'JSON has no 1.0, and it takes 1 for no float',
    instead: failed('TYPE_MISMATCH'),
  },
  {
    language: 'java',
    modes: ['ofrep', 'in-process'],
    cases: holdsLong,
    why: 'its SDK reads a long of a context as an int, and fails',
    instead: failed('GENERAL'),
  },
  {
    language: 'java',
    modes: ['ofrep', 'in-process'],
    cases: (one) => isMismatchOf(one, /^right-/, 'object'),
    why: 'any value is an object to it',
  },
  {
    language: 'java',
    modes: ['in-process'],
    cases: (one) =>
      needsVersion(one) &&
      (/^semver-(partial|numeric)/.test(one.key) ||
        isPartial(one.context['version']) ||
        one.context['version'] === 'V1.0.0') &&
      !(one.key.startsWith('semver-numeric') && one.context['version'] === '1.0.0'),
    why: 'it knows neither partial versions nor numbers nor "V" in sem_ver',
    instead: withoutVersion,
  },
  {
    language: 'java',
    modes: ['in-process'],
    cases: ({ key, context: { time } }) => key === 'timestamp-flag' && time === undefined,
    why: 'a missing attribute is not 0 in its comparisons',
  },
  {
    language: 'java',
    modes: ['rpc'],
    cases: (one) => isDisabled(one) && !isZero(one),
    why: 'it calls version 1, in which a disabled flag is zero',
    instead: ({ type }) => ({ value: ZERO[type] }),
  },
  {
    language: 'java',
    modes: ['rpc'],
    cases: isWithoutDefault,
    why: 'it calls version 1, in which a flag without default is not found',
    instead: failed('FLAG_NOT_FOUND'),
  },
  {
    language: 'rust',
    modes: ['ofrep'],
    cases: isTooLong,
    why: 'it reads a refusal of a context that is too long as an answer',
    instead: failed('PARSE_ERROR'),
  },
  {
    language: 'rust',
    modes: ['rpc'],
    cases: (one) => isDisabled(one) && !isZero(one),
    why: 'it calls version 1, in which a disabled flag is zero',
    instead: ({ type }) => ({ value: ZERO[type] }),
  },
  {
    language: 'rust',
    modes: ['rpc'],
    cases: isWithoutDefault,
    why: 'it calls version 1, in which a flag without default is not found',
    instead: failed('FLAG_NOT_FOUND'),
  },
  {
    language: 'rust',
    modes: ['rpc'],
    cases: isParseError,
    why: 'it has no error of its own for a rule that fails',
    instead: failed('GENERAL'),
  },
  {
    language: 'rust',
    modes: ['rpc'],
    cases: isMismatch,
    why: 'it takes a wrong type for an invalid context',
    instead: failed('INVALID_CONTEXT'),
  },
  {
    language: 'rust',
    modes: ['ofrep', 'rpc'],
    cases: holdsObject,
    why: 'it sends an object of the context as its debugging text',
    isSometimesRight: true,
  },
  {
    language: 'rust',
    modes: ['ofrep'],
    cases: isFailedRule,
    why: 'every 400 is an invalid context to it',
    instead: failed('INVALID_CONTEXT'),
  },
  {
    language: 'rust',
    modes: ['ofrep'],
    cases: isUnset,
    why: 'it takes an answer without a value for one that cannot be read',
    instead: failed('PARSE_ERROR'),
  },
  {
    language: 'rust',
    modes: ['ofrep'],
    cases: isMismatch,
    why: 'it takes a wrong type for an answer that cannot be read',
    instead: failed('PARSE_ERROR'),
  },
  {
    language: 'rust',
    modes: ['ofrep'],
    cases: ({ expected: { reason } }) => reason === 'TARGETING_MATCH' || reason === 'DEFAULT',
    why: 'every answer is STATIC to it',
    instead: () => ({ reason: 'STATIC' }),
  },
  {
    language: 'rust',
    modes: ['in-process'],
    cases: ({ key }) => isDangling(key),
    why: 'it refuses a whole flag set for one reference to a rule that does not exist, so its set has none',
    instead: failed('FLAG_NOT_FOUND'),
  },
  {
    language: 'rust',
    modes: ['in-process'],
    cases: holdsNull,
    why: 'its SDK has no null: it is an empty text in a context',
    isSometimesRight: true,
  },
  {
    language: 'rust',
    modes: ['in-process'],
    cases: isDisabled,
    why: 'it takes a disabled flag for none',
    instead: failed('FLAG_NOT_FOUND'),
  },
  {
    language: 'rust',
    modes: ['in-process'],
    cases: isWithoutDefault,
    why: 'it looks for a variant without a name where there is no default',
    instead: failed('GENERAL'),
  },
  {
    language: 'rust',
    modes: ['in-process'],
    cases: ({ key, context: { version } }) => key === 'semver-invalid-version-flag' && version === '1.0.0+other',
    why: 'it compares build metadata in sem_ver',
    instead: () => ({ value: 'false', variant: 'false' }),
  },
  {
    language: 'rust',
    modes: ['in-process'],
    cases: (one) =>
      needsVersion(one) &&
      (/^semver-(partial|numeric|v-prefix|build)/.test(one.key) ||
        isPartial(one.context['version']) ||
        /^v/i.test(String(one.context['version']))),
    why: 'it knows neither partial versions nor numbers nor "v" nor build metadata in sem_ver',
    instead: withoutVersion,
  },
  {
    language: 'rust',
    modes: ['in-process'],
    cases: ({ key }) => /^(starts|ends)-with-(non-string|wrong-args)/.test(key),
    why: 'starts_with and ends_with of what is no text are false to it, and not null',
    instead: () => ({ value: 'false', variant: 'false', reason: 'TARGETING_MATCH' }),
  },
  {
    language: 'javascript',
    modes: ['ofrep'],
    cases: isUnset,
    why: 'its version 0.1.3 takes an answer without a value for one that cannot be read',
    instead: failed('GENERAL'),
  },
  {
    language: 'javascript',
    modes: ['ofrep'],
    cases: ({ key }) => key.includes('/'),
    why: 'its version 0.1.3 does not escape a key in the address',
    instead: failed('GENERAL'),
  },
  {
    language: 'javascript',
    modes: ['in-process'],
    cases: ({ key, context, expected: { variant } }) =>
      /^fractional-flag(-[AB]-shared-seed)?$/.test(key) && Object.keys(context).length === 0 && variant !== undefined,
    why: 'in cat, a missing attribute is the text "null" to it',
  },
]
