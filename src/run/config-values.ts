import * as v from 'valibot'

/**
 * A variable of the environment: what it is when it is not set, and what its text must be. The schema is made for one that is set: few
 * are, and to make and ask all fifty takes a start longer than to listen.
 */
export type Variable<Value, Unset> = { readonly unset: Unset; readonly schema: () => v.GenericSchema<string, Value> }
/** What variables are, by their names. */
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

const schemeOf = (url: string): string => (URL.canParse(url) ? new URL(url).protocol : '')
/** A URL of one of the schemes, which end in a colon. */
export const isUrlOf =
  (...schemes: readonly string[]) =>
  (url: string): boolean =>
    schemes.includes(schemeOf(url))
export const isHttpUrl: (url: string) => boolean = isUrlOf('http:', 'https:')
export const isOrigin = (url: string): boolean => URL.canParse(url) && new URL(url).origin === url

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
      v.check((list) => list.every(isOrigin), 'expected origins such as https://app.example.com, separated by commas'),
    ),
}
