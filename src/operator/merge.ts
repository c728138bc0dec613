import { isDeepStrictEqual } from 'node:util'
import type { JsonRecord } from '../flag/definition.ts'
import { pointerTo } from '../flag/error.ts'
import type { FeatureFlag } from './kubernetes/resources.ts'

/** Why a part of a FeatureFlag is not applied. */
export type Refusal = { readonly featureFlag: string; readonly pointer: string; readonly message: string }
/** The flagd document of all FeatureFlags of an environment. */
export type Merged = {
  readonly document: { readonly flags: JsonRecord; readonly $evaluators: JsonRecord; readonly metadata: JsonRecord }
  readonly refused: readonly Refusal[]
  /** Pointers of what is refused here, so that the service leaves it as it is. */
  readonly keep: readonly string[]
  /** The FeatureFlag that has the flag, segment or entry of the metadata in which a JSON Pointer points; '' if none has. */
  readonly ownerOf: (pointer: string) => string
}

type Entry = { readonly owner: string; readonly value: unknown }
const MEMBERS = ['flags', '$evaluators', 'metadata'] as const

/**
 * Merges FeatureFlags in the order of their names. A flag in two of them is refused in both, because neither is more right; so are a segment
 * and an entry of the metadata, unless both are equal: resources that share rules repeat them.
 */
export function mergeFeatureFlags(resources: readonly FeatureFlag[]): Merged {
  const sorted = resources.toSorted((one, other) => (one.metadata.name < other.metadata.name ? -1 : 1))
  const refused: Refusal[] = []
  const owners = new Map<string, string>()
  const merge = (member: (typeof MEMBERS)[number]): JsonRecord => {
    const entries = Map.groupBy(entriesOf(sorted, member), ([name]) => name)
    return Object.fromEntries(
      [...entries].flatMap(([name, found]) => {
        const [first, ...others] = found.map(([, entry]) => entry)
        const pointer = pointerTo(member, name)
        const isShared = member !== 'flags' && others.every(({ value }) => isDeepStrictEqual(value, first?.value))
        if (!first || (others.length > 0 && !isShared)) {
          refused.push(...conflictsOf(pointer, [...found.map(([, { owner }]) => owner)]))
          return []
        }
        owners.set(pointer, first.owner)
        return [[name, first.value] as const]
      }),
    )
  }
  const [flags = {}, $evaluators = {}, metadata = {}] = MEMBERS.map(merge)
  return {
    document: { flags, $evaluators, metadata },
    refused,
    keep: [...new Set(refused.map(({ pointer }) => pointer))],
    ownerOf: (pointer) => owners.get(pointer.split('/').slice(0, 3).join('/')) ?? '',
  }
}

const entriesOf = (resources: readonly FeatureFlag[], member: (typeof MEMBERS)[number]) =>
  resources.flatMap(({ metadata: { name: owner }, spec }) =>
    Object.entries(spec.flagSpec[member]).map(([name, value]): [string, Entry] => [name, { owner, value }]),
  )

const conflictsOf = (pointer: string, owners: readonly string[]): Refusal[] =>
  owners.map((featureFlag) => {
    const others = owners.filter((owner) => owner !== featureFlag).map((owner) => `"${owner}"`)
    return { featureFlag, pointer, message: `It is also in FeatureFlag ${others.join(', ')}` }
  })
