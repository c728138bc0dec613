import * as v from 'valibot'

/** A whole number from `min` to `max`, as text. */
export const integer = (fallback: number, min: number, max: number) =>
  v.pipe(
    v.optional(v.string(), String(fallback)),
    v.check(
      (text) => /^\d{1,12}$/.test(text) && Number(text) >= min && Number(text) <= max,
      `expected a whole number from ${min} to ${max}`,
    ),
    v.transform(Number),
  )

/** A share from 0, none, to 1, all, as text. */
export const share = () =>
  v.pipe(
    v.optional(v.string(), '1'),
    v.check((text) => /^\d*\.?\d+$/.test(text) && Number(text) <= 1, 'expected a number from 0 to 1'),
    v.transform(Number),
  )

export const isHttpUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
