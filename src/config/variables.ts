import * as v from 'valibot'

/**
 * A variable of the environment: its value when it is not set, and the schema of its text. The schema is made for a variable that is set:
 * few are, and making all fifty takes longer at start than to listen.
 */
export type Variable<Value, Unset> = { readonly unset: Unset; readonly schema: () => v.GenericSchema<string, Value> }
/** The values of variables, by their names. */
export type Values<Variables> = {
  readonly [Name in keyof Variables]: Variables[Name] extends Variable<infer Value, infer Unset> ? Value | Unset : never
}

export const text = <Unset extends string | undefined>(
  unset: Unset,
  isRight: (text: string) => boolean,
  expected: string,
): Variable<string, Unset> => ({ unset, schema: () => v.pipe(v.string(), v.check(isRight, expected)) })

export const oneOf = <Value extends string, Unset extends Value | undefined>(
  unset: Unset,
  values: readonly Value[],
): Variable<Value, Unset> => ({
  unset,
  schema: () =>
    v.picklist(values, `expected ${values.length > 2 ? `one of ${values.join(', ')}` : values.join(' or ')}`),
})

const numeric = (unset: number, isRight: (text: string) => boolean, expected: string): Variable<number, number> => ({
  unset,
  schema: () => v.pipe(v.string(), v.check(isRight, expected), v.transform(Number)),
})

/** A whole number from `min` to `max`. */
export const integer = (unset: number, min: number, max: number): Variable<number, number> =>
  numeric(
    unset,
    (digits) => /^\d{1,12}$/.test(digits) && Number(digits) >= min && Number(digits) <= max,
    `expected a whole number from ${min} to ${max}`,
  )

/** A share from 0, none, to 1, all. */
export const share = (unset: number): Variable<number, number> =>
  numeric(unset, (digits) => /^\d*\.?\d+$/.test(digits) && Number(digits) <= 1, 'expected a number from 0 to 1')

/** A secret that clients or we send in a header: visible ASCII, of which every header can carry all. */
export const secret = (minLength: number, maxLength: number): Variable<string, undefined> =>
  text(
    undefined,
    (value) => value.length >= minLength && value.length <= maxLength && /^[\x21-\x7e]+$/.test(value),
    `expected at least ${minLength} and at most ${maxLength} characters, visible ASCII without spaces`,
  )

/** A URL of http or https, which names no user. */
export const isHttpUrl = (text: string): boolean => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username + url.password === ''
}
/** An origin as browsers send it. */
export const isHttpOrigin = (text: string): boolean =>
  isHttpUrl(text) && new URL(text).origin === text && !text.includes('*')

/** `https://*.example.com`: the wildcard is the whole first label, and two labels or more follow it. */
const WILDCARD_ORIGIN = /^(https?:\/\/)\*\.(?=[^.:]+\.[^.:])/
const isOriginPattern = (text: string): boolean => isHttpOrigin(text.replace(WILDCARD_ORIGIN, '$1any.'))

/** Origins, separated by commas. */
export const origins: Variable<readonly string[], undefined> = {
  unset: undefined,
  schema: () =>
    v.pipe(
      v.string(),
      v.transform((list) =>
        list
          .split(',')
          .map((origin) => origin.trim())
          .filter(Boolean),
      ),
      v.check(
        (list) => list.every(isOriginPattern),
        'expected origins such as https://app.example.com or https://*.example.com, separated by commas',
      ),
    ),
}
