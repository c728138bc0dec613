import { checkDefinition } from '../../../flag/check/definition.ts'
import type { Definition, Metadata, SegmentRules } from '../../../flag/definition.ts'
import { type Mistake, pointerTo } from '../../../flag/error.ts'
import type { Transaction } from '../database.ts'
import type { EnvironmentRow } from '../environments.ts'
import { type DefinitionDifference, findTypeMistakes, lockFlags } from '../flag-rows.ts'
import { checkSegmentChange } from '../rules/segment-change.ts'
import { type OwnedEntry, type OwnershipPlan, recordAfter, refuse } from './ownership.ts'

/** What has to be done with each part of a document. */
export type Plans = {
  readonly flags: OwnershipPlan<Definition>
  readonly segments: OwnershipPlan<unknown>
  readonly metadata: OwnershipPlan<Metadata[string]>
}

/** Mistakes that are shown of one refused flag. */
const MISTAKES_PER_FLAG = 5

/** The member of a document in which entries are. */
export const PLACES = { flags: 'flags', segments: '$evaluators', metadata: 'metadata' } as const

/** Leaves entries as they are that the manager has and that are not in the document: because of mistakes, or since the manager says so. */
export function keepEntries(
  plans: Plans,
  { refused, keep }: { readonly refused: readonly Mistake[]; readonly keep: readonly string[] },
): void {
  const places = placesIn(refused).union(new Set(keep))
  for (const kind of ['flags', 'segments', 'metadata'] as const) {
    const { released, next } = plans[kind]
    const isKept = (name: string) => places.has(pointerTo(PLACES[kind], name))
    for (const name of [...released].filter(isKept)) {
      released.delete(name)
      next.delete(name)
    }
  }
}

/** The flags, segments and entries of the metadata in which the mistakes are. */
export const placesIn = (mistakes: readonly Mistake[]): Set<string> =>
  new Set(mistakes.map(({ pointer }) => pointer.split('/').slice(0, 3).join('/')))

/** Refuses changed segments with mistakes, and those that break flags or segments which refer to them. */
export function refuseSegments(
  { segments: stored }: EnvironmentRow,
  { segments, flags }: Plans,
  owned: ReadonlyMap<string, OwnedEntry<Definition>>,
): Mistake[] {
  const others = new Map<string, Definition>()
  for (const [key, entry] of owned) if (entry.stored && !flags.next.has(key)) others.set(key, entry.stored)
  const mistakesOf = (change: OwnershipPlan<unknown>['next']): Mistake[] => {
    const { unfit, mistakes } = checkSegmentChange(stored, recordAfter(stored, change), others)
    return [...unfit, ...mistakes]
  }
  const refused: Mistake[] = []
  for (let found = mistakesOf(segments.next); found.length > 0; found = mistakesOf(segments.next)) {
    for (const [name, mistakes] of guiltySegments(segments.next, found, mistakesOf)) {
      refuse(segments, name, `breaks ${mistakes[0]?.pointer}: ${mistakes[0]?.message}`)
      const pointer = pointerTo('$evaluators', name)
      refused.push(...mistakes.filter((mistake) => isWithin(mistake.pointer, pointer)).slice(0, MISTAKES_PER_FLAG))
    }
  }
  return refused
}

/** The changed segments that have mistakes themselves; without any those that cause some alone, and then all. */
function guiltySegments(
  next: OwnershipPlan<unknown>['next'],
  found: readonly Mistake[],
  mistakesOf: (change: OwnershipPlan<unknown>['next']) => readonly Mistake[],
): Map<string, readonly Mistake[]> {
  const guilty = (causedBy: (name: string) => readonly Mistake[]) =>
    new Map([...next.keys()].map((name) => [name, causedBy(name)] as const).filter(([, { length }]) => length > 0))
  const wrong = guilty((name) => found.filter(({ pointer }) => isWithin(pointer, pointerTo('$evaluators', name))))
  if (wrong.size > 0) return wrong
  const alone = guilty((name) => mistakesOf(new Map([[name, next.get(name)]])))
  return alone.size > 0 ? alone : guilty(() => found)
}

const isWithin = (pointer: string, place: string): boolean => pointer === place || pointer.startsWith(`${place}/`)

/** Refuses flags whose rules have mistakes. `after`: all segments, with the generated ones. */
export function refuseDefinitions({ flags }: Plans, after: SegmentRules): Mistake[] {
  return [...flags.next].flatMap(([key, definition]) => {
    const mistakes = definition ? checkDefinition(definition, after, pointerTo('flags', key)) : []
    return refuseFlag(flags, key, mistakes)
  })
}

/** Leaves a flag as it is, if it has mistakes; returns those to show. */
export function refuseFlag(
  plan: OwnershipPlan<Definition>,
  key: string,
  mistakes: readonly Mistake[],
): readonly Mistake[] {
  if (mistakes[0]) refuse(plan, key, mistakes[0].message)
  return mistakes.slice(0, MISTAKES_PER_FLAG)
}

/** Refuses flags whose variants have another type than in other environments. */
export async function refuseTypes(tx: Transaction, environment: EnvironmentRow, { flags }: Plans): Promise<Mistake[]> {
  const stored = await lockFlags(tx, environment, [...flags.next.keys()])
  const changed = [...flags.next].map(
    ([key, after]): DefinitionDifference => ({ key, before: stored.get(key)?.definition, after }),
  )
  const pointer = (key: string) => pointerTo('flags', key)
  const { mistakes } = await findTypeMistakes(tx, environment, { changed, stored, pointer })
  const places = placesIn(mistakes)
  for (const key of [...flags.next.keys()]) if (places.has(pointer(key))) refuse(flags, key, 'has another type')
  return mistakes
}

/** The mistakes, and one for each other refused entry. */
export function refusalsOf(plans: Plans, mistakes: readonly Mistake[]): Mistake[] {
  const places = placesIn(mistakes)
  const what = { flags: 'Flag', segments: 'Segment', metadata: 'Metadata' } as const
  const others = (['flags', 'segments', 'metadata'] as const).flatMap((kind) =>
    [...plans[kind].refused].flatMap(([name, message]): Mistake[] => {
      const pointer = pointerTo(PLACES[kind], name)
      if (places.has(pointer)) return []
      return [{ pointer, message: `${what[kind]} "${name}" ${message}` }]
    }),
  )
  return [...mistakes, ...others]
}
