import { type Definition, isRecord, isText, NAME_LENGTH_MAX, type SegmentRules } from '../definition.ts'
import { type Mistake, pointerTo, shorten } from '../error.ts'
import { typeOf } from '../evaluate.ts'
import { checkPlan } from '../plan/check-plan.ts'
import { readPlan } from '../plan/read/plan.ts'
import type { Segments } from '../rules/rule.ts'
import { compileSegments, reachedFrom } from '../rules/segments.ts'
import { checkJson, type JsonSource } from './json.ts'
import { checkRule } from './rule.ts'

/**
 * Finds mistakes in a definition: violations of flagd's schema, and rules that would evaluate to PARSE_ERROR or never match.
 * A definition with mistakes can still be stored if its shape is valid, because it affects no other flag.
 */
export function checkDefinition(definition: unknown, segments: SegmentRules, pointer = ''): Mistake[] {
  const rules = isRecord(definition) ? [definition['targeting'], definition['flagstaff']] : []
  const { compiled } = compileSegments(reachedFrom(rules, segments), 'v2')
  return checkDefinitionIn(definition, compiled, pointer)
}

/** Like `checkDefinition()`, with compiled segments, for many definitions of one set. */
export function checkDefinitionIn(definition: unknown, segments: Segments, pointer: string): Mistake[] {
  const mistakes = checkMembers(definition, pointer)
  if (mistakes.length > 0) return mistakes
  const { variants, defaultVariant, targeting } = definition as Definition
  const inPlan = checkPlanOf(definition as Definition, segments, `${pointer}/flagstaff`)
  return [
    ...checkVariants(variants, `${pointer}/variants`),
    ...checkDefault(variants, defaultVariant, `${pointer}/defaultVariant`),
    ...(inPlan.length > 0 ? inPlan : checkTargeting(targeting, segments, `${pointer}/targeting`)),
  ]
}

/** Finds mistakes in the plan of a definition. Those of its rules are shown there, and not in the compiled rule. */
function checkPlanOf({ flagstaff, variants }: Definition, segments: Segments, pointer: string): readonly Mistake[] {
  if (flagstaff === undefined) return []
  const { plan, mistakes } = readPlan(flagstaff, { pointer, newSalt: () => 'none' })
  return plan ? checkPlan(plan, { variants, segments, pointer }) : mistakes
}

/** Finds mistakes in the segments of a flag set (flagd's `$evaluators`). */
export function checkSegments(segments: unknown): Mistake[] {
  if (!isRecord(segments)) return checkSegmentNames(segments)
  const { compiled } = compileSegments(segments, 'v2')
  return Object.entries(segments).flatMap(([name, rule]) => {
    const place = pointerTo('$evaluators', name)
    return [...checkName(name, 'Segment name', place), ...checkRule(rule, compiled, place)]
  })
}

/** Finds mistakes in the names of segments. */
export function checkSegmentNames(segments: unknown): Mistake[] {
  if (!isRecord(segments))
    return [{ pointer: '/$evaluators', message: `Segments are ${shorten(segments)}, not an object` }]
  return Object.keys(segments).flatMap((name) => checkName(name, 'Segment name', pointerTo('$evaluators', name)))
}

/** The depth of a definition in the document of its flag set. */
export const DEFINITION_DEPTH = 2

/** Finds mistakes that prevent storing a definition. `definition` is undefined if there are any. */
export function checkShape(
  definition: unknown,
  { pointer = '', text }: Omit<JsonSource, 'depth'> = {},
): { readonly definition: Definition | undefined; readonly mistakes: Mistake[] } {
  const mistakes = checkJson(definition, { pointer, depth: DEFINITION_DEPTH, text })
  if (mistakes.length === 0) mistakes.push(...checkMembers(definition, pointer))
  return { definition: mistakes.length === 0 ? (definition as Definition) : undefined, mistakes }
}

/** Finds mistakes in the rule of a flag. No rule, null and {} are valid. */
export function checkTargeting(targeting: unknown, segments: Segments, pointer: string): Mistake[] {
  if (targeting === undefined || targeting === null) return []
  if (!isRecord(targeting)) return [{ pointer, message: `Targeting is ${shorten(targeting)}, not a rule` }]
  return Object.keys(targeting).length === 0 ? [] : checkRule(targeting, segments, pointer)
}

/** All variants must have the type of the first. */
function checkVariants(variants: Definition['variants'], pointer: string): Mistake[] {
  const [first, ...others] = Object.keys(variants)
  if (first === undefined) return [{ pointer, message: 'Flag has no variants' }]
  const type = typeOf(variants[first])
  return [first, ...others].flatMap((name) => {
    const place = pointer + pointerTo(name)
    return [...checkName(name, 'Variant name', place), ...checkVariant(variants[name], type, place)]
  })
}

function checkVariant(value: unknown, type: string | undefined, pointer: string): Mistake[] {
  const own = typeOf(value)
  if (own === undefined)
    return [{ pointer, message: `Variant is ${shorten(value)}, not a boolean, text, number or object` }]
  if (own === type || type === undefined) return []
  return [{ pointer, message: `Variant is of type ${own}, unlike the first, of type ${type}` }]
}

function checkDefault(
  variants: Definition['variants'],
  variant: Definition['defaultVariant'],
  pointer: string,
): Mistake[] {
  // flagd's sync writes "" for no default variant.
  if (variant === undefined || variant === null || variant === '' || Object.hasOwn(variants, variant)) return []
  return [{ pointer, message: `Default variant ${shorten(variant)} is no variant` }]
}

/** Finds mistakes in the name of a flag, variant, segment or metadata member. */
function checkName(name: unknown, subject: string, pointer: string): Mistake[] {
  if (typeof name !== 'string') return [{ pointer, message: `${subject} is ${shorten(name)}, not a text` }]
  if (name === '') return [{ pointer, message: `${subject} is empty` }]
  if (name === '__proto__') return [{ pointer, message: `${subject} "__proto__" is not allowed` }]
  if (!isText(name)) return [{ pointer, message: `${subject} ${shorten(name)} is not well-formed text` }]
  if (name.length <= NAME_LENGTH_MAX) return []
  const message = `${subject} ${shorten(name)} has ${name.length} characters, more than ${NAME_LENGTH_MAX}`
  return [{ pointer, message }]
}

/** Finds mistakes in a flag key. "." and ".." are no keys, because URLs have other meanings for them. */
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

/** Finds mistakes in the members of a definition, apart from its variants and rule. */
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
