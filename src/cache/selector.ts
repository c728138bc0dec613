import type { Metadata } from '../flag/definition.ts'
import { isText } from '../flag/definition.ts'
import { FlagError } from '../flag/error.ts'
import type { EnvironmentName } from '../repository/postgres/environments.ts'
import type { Principal } from './key-cache.ts'

/** Picks flags by what their metadata says, in the words of flagd's header `Flagd-Selector`. */
export type Selector = { readonly key: 'flagSetId' | 'source'; readonly value: string }

/** `<project>/<environment>`: exactly one slash, so that an environment has exactly one name. */
const FLAG_SET_ID = /^[^/]+\/[^/]+$/

/**
 * Reads a selector: `flagSetId=…`, `source=…`, or a bare source. Undefined where there is none; throws `invalid`.
 * A comma is refused, because it is what two headers look like.
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

/** The environment that a selector names, as `<project>/<environment>`; undefined when it can only narrow one. */
export function environmentOf(selector: Selector | undefined): string | undefined {
  return selector?.key === 'flagSetId' && FLAG_SET_ID.test(selector.value) ? selector.value : undefined
}

/** Ids of the environments that keys are bound to: to join and hash one for each request would take 5 % of an evaluation. */
const ids = new WeakMap<EnvironmentName, string>()

function idOf(bound: EnvironmentName): string {
  const known = ids.get(bound)
  if (known !== undefined) return known
  const id = `${bound.project}/${bound.environment}`
  ids.set(bound, id)
  return id
}

/** The environment of a request. A bound key never leaves its own, whatever the selector names: there it only narrows. */
export function flagSetIdFor(
  { environment }: Pick<Principal, 'environment'>,
  selector: Selector | undefined,
  fallback: string | undefined,
): string {
  if (environment) return idOf(environment)
  const named = environmentOf(selector) ?? fallback
  if (named !== undefined) return named
  throw new FlagError('invalid', 'name an environment with "Flagd-Selector: flagSetId=<project>/<environment>"')
}

/**
 * True for a flag that the selector lets through. `flagSetId` is the environment's own id, which all its flags answer to;
 * `metadata` is the flag's, over its set's. An empty `flagSetId=` picks the flags that name no set.
 */
export function selects(selector: Selector | undefined, flagSetId: string, metadata: Metadata): boolean {
  if (selector === undefined || (selector.key === 'flagSetId' && selector.value === flagSetId)) return true
  return (metadata[selector.key] ?? '') === selector.value
}

/** What an answer repeats of the selector that it was asked with. */
export function reflect(selector: Selector | undefined): Metadata {
  return selector === undefined || selector.value === '' ? {} : { [selector.key]: selector.value }
}
