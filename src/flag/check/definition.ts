import type { JsonRecord } from '../definition.ts'
import { type Definition, isRecord, NAME_LENGTH_MAX } from '../definition.ts'
import { type Mistake, pointerTo, shorten } from '../error.ts'
import { typeOf } from '../evaluate.ts'
import type { Segments } from '../rules/rule.ts'
import { compileSegments, reachedFrom } from '../rules/segments.ts'
import { checkJson, type JsonPlace } from './json.ts'
import { checkRule } from './rule.ts'

/**
 * Finds what is wrong with a definition that is to be saved: what flagd's schema forbids, and what would answer
 * PARSE_ERROR or never match. A definition with mistakes may be stored all the same, when its shape is right: it harms
 * no other flag.
 */
export function checkDefinition(definition: unknown, segments: JsonRecord, pointer = ''): Mistake[] {
  const targeting = isRecord(definition) ? definition['targeting'] : undefined
  const { compiled } = compileSegments(reachedFrom(targeting, segments), 'v2')
  return checkDefinitionIn(definition, compiled, pointer)
}

/** The same for one of many definitions, with segments that are compiled. */
export function checkDefinitionIn(definition: unknown, segments: Segments, pointer: string): Mistake[] {
  const mistakes = checkMembers(definition, pointer)
  if (mistakes.length > 0) return mistakes
  const { variants, defaultVariant, targeting } = definition as Definition
  return [
    ...checkVariants(variants, `${pointer}/variants`),
    ...checkDefault(variants, defaultVariant, `${pointer}/defaultVariant`),
    ...checkTargeting(targeting, segments, `${pointer}/targeting`),
  ]
}

/** Finds what is wrong with the shared rules of a flag set (flagd's `$evaluators`). */
export function checkSegments(segments: unknown, pointer = '/$evaluators'): Mistake[] {
  if (!isRecord(segments)) return [{ pointer, message: `Segments are ${shorten(segments)}, not an object` }]
  const { compiled } = compileSegments(segments, 'v2')
  return Object.entries(segments).flatMap(([name, rule]) => {
    const place = pointer + pointerTo(name)
    return [...checkName(name, 'Segment name', place), ...checkRule(rule, compiled, place)]
  })
}

/** In the document of its flag set a definition stands two levels deep, and that document must be readable again. */
export const DEFINITION_DEPTH = 2

/** Finds what keeps a value from being a definition at all. `definition` is undefined when something does. */
export function checkShape(
  definition: unknown,
  { pointer = '', text }: Omit<JsonPlace, 'depth'> = {},
): { readonly definition: Definition | undefined; readonly mistakes: Mistake[] } {
  const mistakes = checkJson(definition, { pointer, depth: DEFINITION_DEPTH, text })
  if (mistakes.length === 0) mistakes.push(...checkMembers(definition, pointer))
  return { definition: mistakes.length === 0 ? (definition as Definition) : undefined, mistakes }
}

/** Finds what is wrong with the rule of a flag; none, null and {} are right. */
export function checkTargeting(targeting: unknown, segments: Segments, pointer: string): Mistake[] {
  if (targeting === undefined || targeting === null) return []
  if (!isRecord(targeting)) return [{ pointer, message: `Targeting is ${shorten(targeting)}, not a rule` }]
  if (Object.keys(targeting).length === 0) return []
  return checkRule(targeting, segments, pointer)
}

/** Finds variants that are none, or not all of one type. */
export function checkVariants(variants: JsonRecord, pointer: string): Mistake[] {
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
export function checkDefault(variants: JsonRecord, variant: string | null | undefined, pointer: string): Mistake[] {
  // flagd's sync writes "" for none.
  if (variant === undefined || variant === null || variant === '' || Object.hasOwn(variants, variant)) return []
  return [{ pointer, message: `Default variant ${shorten(variant)} is no variant` }]
}

/** What is wrong with a name of a flag, variant, segment or member of metadata. */
export function checkName(name: unknown, what: string, pointer: string): Mistake[] {
  if (typeof name !== 'string') return [{ pointer, message: `${what} is ${shorten(name)}, not a text` }]
  if (name === '') return [{ pointer, message: `${what} is empty` }]
  if (name === '__proto__') return [{ pointer, message: `${what} "__proto__" is not allowed` }]
  if (name.includes('\0') || !name.isWellFormed())
    return [{ pointer, message: `${what} ${shorten(name)} is not well-formed text` }]
  if (name.length <= NAME_LENGTH_MAX) return []
  return [{ pointer, message: `${what} ${shorten(name)} has ${name.length} characters, more than ${NAME_LENGTH_MAX}` }]
}

/** The key of a flag stands in URLs, where "." and ".." are no names. */
export function checkKey(key: unknown, pointer: string): Mistake[] {
  if (key === '.' || key === '..') return [{ pointer, message: `Flag key "${key}" is not allowed` }]
  return checkName(key, 'Flag key', pointer)
}

/** Metadata is an object of texts, numbers and booleans. */
export function checkMetadata(metadata: unknown, pointer = '/metadata'): Mistake[] {
  if (!isRecord(metadata)) return [{ pointer, message: `Metadata is ${shorten(metadata)}, not an object` }]
  return Object.entries(metadata).flatMap(([name, value]) => {
    const place = pointer + pointerTo(name)
    const mistakes = checkName(name, 'Metadata key', place)
    if (['string', 'number', 'boolean'].includes(typeof value)) return mistakes
    return [...mistakes, { pointer: place, message: `Metadata is ${shorten(value)}, not a text, number or boolean` }]
  })
}

/** Finds what keeps JSON from being a definition at all. */
export function checkMembers(definition: unknown, pointer: string): Mistake[] {
  if (!isRecord(definition)) return [{ pointer, message: `Flag is ${shorten(definition)}, not an object` }]
  const { state, variants, defaultVariant, metadata } = definition
  const mistakes: Mistake[] = []
  if (state !== 'ENABLED' && state !== 'DISABLED')
    mistakes.push({ pointer: `${pointer}/state`, message: `State is ${shorten(state)}, not "ENABLED" or "DISABLED"` })
  if (!isRecord(variants))
    mistakes.push({ pointer: `${pointer}/variants`, message: `Variants are ${shorten(variants)}, not an object` })
  if (defaultVariant !== undefined && defaultVariant !== null && typeof defaultVariant !== 'string')
    mistakes.push({
      pointer: `${pointer}/defaultVariant`,
      message: `Default variant is ${shorten(defaultVariant)}, not a text or null`,
    })
  if (metadata !== undefined) mistakes.push(...checkMetadata(metadata, `${pointer}/metadata`))
  return mistakes
}
