import { checkRule } from './check-rule.ts'
import { checkName } from './check-shape.ts'
import type { Mistake } from './error.ts'
import { typeOf } from './evaluate.ts'
import { pointerTo } from './pointer.ts'
import type { Segments } from './rule.ts'
import { isRecord } from './value.ts'
import { shorten } from './words.ts'

type Rules = Readonly<Record<string, unknown>>

/** Finds what is wrong with the rule of a flag; none, null and {} are right. */
export function checkTargeting(targeting: unknown, segments: Segments, pointer: string): Mistake[] {
  if (targeting === undefined || targeting === null) return []
  if (!isRecord(targeting)) return [{ pointer, message: `Targeting is ${shorten(targeting)}, not a rule` }]
  if (Object.keys(targeting).length === 0) return []
  return checkRule(targeting, segments, pointer)
}

/** Finds variants that are none, or not all of one type. */
export function checkVariants(variants: Rules, pointer: string): Mistake[] {
  const names = Object.keys(variants)
  const [first] = names
  if (first === undefined) return [{ pointer, message: 'Flag has no variants' }]
  const type = typeOf(variants[first])
  return names.flatMap((name) => {
    const place = pointer + pointerTo(name)
    return [...checkName(name, 'Variant name', place), ...checkValue(variants[name], type, place)]
  })
}

function checkValue(value: unknown, type: string | undefined, pointer: string): Mistake[] {
  const own = typeOf(value)
  if (own === undefined)
    return [{ pointer, message: `Variant is ${shorten(value)}, not a boolean, text, number or object` }]
  if (own === type || type === undefined) return []
  return [{ pointer, message: `Variant is of type ${own}, unlike the first, of type ${type}` }]
}

/** Finds a default variant that is no variant. */
export function checkDefault(variants: Rules, variant: string | null | undefined, pointer: string): Mistake[] {
  // flagd's sync writes "" for none.
  if (variant === undefined || variant === null || variant === '' || Object.hasOwn(variants, variant)) return []
  return [{ pointer, message: `Default variant ${shorten(variant)} is no variant` }]
}
