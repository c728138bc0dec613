import type { Definition, SegmentRules } from '../../../flag/definition.ts'
import { type Mistake, pointerTo, shorten } from '../../../flag/error.ts'
import { needsOf } from '../../../flag/needs/prerequisites.ts'
import type { Transaction } from '../database.ts'
import type { EnvironmentRow } from '../environments.ts'
import { generatedAfter, isGenerating } from '../needs/generated.ts'
import { type OwnedEntry, recordAfter, refuse } from './ownership.ts'
import { type Plans, placesIn, refuseDefinitions, refuseFlag, refuseSegments, refuseTypes } from './refusals.ts'

type OwnedFlags = ReadonlyMap<string, OwnedEntry<Definition>>

/**
 * Refuses changed flags and segments with mistakes one by one, until what is left can be written: a flag that is left as it is may make
 * another one wrong. Each round refuses at least one.
 */
export async function refuseMistakes(
  tx: Transaction,
  environment: EnvironmentRow,
  { plans, owned }: { readonly plans: Plans; readonly owned: OwnedFlags },
): Promise<Mistake[]> {
  const mistakes: Mistake[] = []
  for (let count = -1; count < refusedCount(plans); ) {
    count = refusedCount(plans)
    mistakes.push(...refuseSegments(environment, plans, owned))
    refuseRemovals(plans, owned)
    const needs = refuseNeeds(environment, plans, owned)
    mistakes.push(...needs.mistakes, ...refuseDefinitions(plans, needs.segments))
    mistakes.push(...(await refuseTypes(tx, environment, plans)))
  }
  return mistakes
}

const refusedCount = ({ flags, segments }: Plans): number => flags.refused.size + segments.refused.size

function flagsAfter({ flags }: Plans, owned: OwnedFlags): Map<string, Definition> {
  const after = new Map<string, Definition>()
  for (const [key, { stored }] of owned) if (stored) after.set(key, stored)
  for (const [key, definition] of flags.next)
    if (definition) after.set(key, definition)
    else after.delete(key)
  return after
}

/** Refuses to remove flags that others need. */
function refuseRemovals(plans: Plans, owned: OwnedFlags): void {
  const removed = [...plans.flags.next].flatMap(([key, definition]) => (definition ? [] : [key]))
  if (removed.length === 0) return
  const users = new Map<string, string>()
  for (const [key, flag] of flagsAfter(plans, owned)) for (const need of needsOf(flag)) users.set(need.flag, key)
  for (const key of removed) {
    const user = users.get(key)
    if (user !== undefined) refuse(plans.flags, key, `is needed by flag ${shorten(user)}`)
  }
}

/** Refuses flags whose prerequisites have mistakes, and those whose rules cannot be needed by others. Returns all segments afterwards. */
function refuseNeeds(
  environment: EnvironmentRow,
  plans: Plans,
  owned: OwnedFlags,
): { readonly mistakes: Mistake[]; readonly segments: SegmentRules } {
  const segments = recordAfter(environment.segments, plans.segments.next)
  const changed = [...plans.flags.next].map(([key, after]) => ({ key, before: owned.get(key)?.stored, after }))
  if (!isGenerating(environment, { changed, segments })) return { mistakes: [], segments }
  const pointer = (key: string) => pointerTo('flags', key)
  const generated = generatedAfter(environment, { flags: flagsAfter(plans, owned), changed, segments, pointer })
  const found = [...generated.mistakes, ...generated.missing]
  return { mistakes: refuseGuilty(plans, found), segments: generated.segments }
}

/** Refuses the changed flags in which the mistakes are. One that is in none of them is made by a changed segment. */
function refuseGuilty({ flags, segments }: Plans, found: readonly Mistake[]): Mistake[] {
  if (found.length === 0) return []
  const places = placesIn(found)
  const wrong = [...flags.next.keys()].filter((key) => places.has(pointerTo('flags', key)))
  const refused = wrong.flatMap((key) => {
    const place = `${pointerTo('flags', key)}/`
    const own = found.filter(({ pointer }) => pointer.startsWith(place))
    return refuseFlag(flags, key, own)
  })
  if (wrong.length > 0) return refused
  const [first] = found
  for (const name of [...segments.next.keys()]) refuse(segments, name, `breaks ${first?.pointer}: ${first?.message}`)
  return []
}
