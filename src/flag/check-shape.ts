import type { Mistake } from './error.ts'
import { NAME_LENGTH_MAX } from './limits.ts'
import { pointerTo } from './pointer.ts'
import { isRecord } from './value.ts'
import { shorten } from './words.ts'

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
