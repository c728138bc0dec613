import type { Metadata } from '../flag/definition.ts'
import { isText } from '../flag/definition.ts'
import { FlagError } from '../flag/error.ts'
import type { Principal } from './key-set.ts'

/** Selects flags by their metadata, as flagd's header `Flagd-Selector` does. */
export type Selector = { readonly key: 'flagSetId' | 'source'; readonly value: string }

/** `<project>/<environment>`, with exactly one slash. */
const FLAG_SET_ID = /^[^/]+\/[^/]+$/

/**
 * Parses a selector: `flagSetId=…`, `source=…`, or a bare source. Undefined if there is none; throws `invalid`. A comma is invalid,
 * because two headers are joined by one.
 */
export function parseSelector(header: string | null | undefined): Selector | undefined {
  const text = header?.trim() ?? ''
  if (text === '') return undefined
  if (!isText(text)) throw new FlagError('invalid', 'invalid selector: not well-formed text without NUL')
  if (text.includes(',')) throw new FlagError('invalid', 'invalid selector: only one is allowed')
  const equals = text.indexOf('=')
  if (equals < 0) return { key: 'source', value: text }
  const key = text.slice(0, equals).trim()
  const value = text.slice(equals + 1).trim()
  if (key === 'flagSetId' || key === 'source') return { key, value }
  throw new FlagError('invalid', `invalid selector: unknown key "${key}", valid keys: "flagSetId", "source"`)
}

/** The environment of a selector, as `<project>/<environment>`; undefined if it has none and only filters. */
export function environmentOf(selector: Selector | undefined): string | undefined {
  return selector?.key === 'flagSetId' && FLAG_SET_ID.test(selector.value) ? selector.value : undefined
}

/** The environment of a request. With a key that is bound to one, a selector only filters its flags. Throws `invalid` if there is none. */
export function flagSetIdFor(
  { environment }: Pick<Principal, 'environment'>,
  selector: Selector | undefined,
  fallback: string | undefined,
): string {
  if (environment) return `${environment.project}/${environment.environment}`
  const named = environmentOf(selector) ?? fallback
  if (named !== undefined) return named
  throw new FlagError('invalid', 'name an environment with "Flagd-Selector: flagSetId=<project>/<environment>"')
}

/**
 * True if the selector includes a flag. `flagSetId` is the environment's id, which includes all its flags; `metadata` is the flag's merged
 * over its set's. An empty `flagSetId=` selects the flags without one.
 */
export function selects(selector: Selector | undefined, flagSetId: string, metadata: Metadata): boolean {
  if (selector === undefined || (selector.key === 'flagSetId' && selector.value === flagSetId)) return true
  return (metadata[selector.key] ?? '') === selector.value
}

/** The selector as metadata of a response. */
export function reflect(selector: Selector | undefined): Metadata {
  return selector === undefined || selector.value === '' ? {} : { [selector.key]: selector.value }
}
