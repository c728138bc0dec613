import { FlagError, shorten } from '../error.ts'
import { movedPlaces, type PlaceRange, placesOf, takeFirst, takeLast } from './ranges.ts'

/** The places of a group. */
export const GROUP_PLACES = 100_000
/** How many parts the places of a group may be divided into. */
export const GROUP_RANGES_MAX = 1_000

/** What a slot gets: some of the places. A user is in one place, so in at most one slot. */
export type GroupSlot = { readonly slot: string; readonly places: number }

/**
 * A mutual exclusion group: the users of each slot are in no other one. `by`: the attribute that users are distributed by. `ranges`: all
 * places in order; those without an owner have "".
 */
export type Group = { readonly by: string; readonly salt: string; readonly ranges: readonly PlaceRange[] }

/** Free places have this owner. */
export const FREE = ''
/** Places that the same change takes from a slot. */
const JUST_FREED = '\0'

/** How many of 100,000 users a change moves. */
export type GroupMoves = {
  /** From one slot to another. */
  readonly moved: number
  readonly entered: number
  readonly left: number
}

/**
 * The ranges of a group after a change of its slots. Slots that shrink lose their last places, slots that grow get free places. Fails with
 * `conflict` if these are too few without places that another slot loses, unless `move` allows it: the users there would change slots.
 */
export function changeSlots(
  ranges: readonly PlaceRange[],
  slots: readonly GroupSlot[],
  move: boolean,
): { readonly ranges: readonly PlaceRange[]; readonly moves: GroupMoves } {
  const wanted = new Map(slots.map(({ slot, places }) => [slot, places]))
  const before = placesOf(ranges)
  let after = shrunk(ranges, before, wanted)
  for (const [slot, places] of wanted) {
    const lack = places - (before.get(slot) ?? 0)
    const free = Math.min(lack, placesOf(after).get(FREE) ?? 0)
    if (free > 0) after = takeFirst(after, { from: FREE, to: slot, places: free })
    if (lack > free) after = takeFreed(after, { slot, places: lack - free }, move)
  }
  after = takeFirst(after, { from: JUST_FREED, to: FREE, places: GROUP_PLACES })
  if (after.length > GROUP_RANGES_MAX)
    throw new FlagError('conflict', `The places of the group would be in more than ${GROUP_RANGES_MAX} parts`)
  return { ranges: after, moves: movesOf(ranges, after) }
}

function shrunk(
  ranges: readonly PlaceRange[],
  before: ReadonlyMap<string, number>,
  wanted: ReadonlyMap<string, number>,
): readonly PlaceRange[] {
  let after = ranges
  for (const [slot, places] of before) {
    const surplus = places - (wanted.get(slot) ?? 0)
    if (slot !== FREE && surplus > 0) after = takeLast(after, { from: slot, to: JUST_FREED, places: surplus })
  }
  return after
}

function takeFreed(ranges: readonly PlaceRange[], { slot, places }: GroupSlot, move: boolean): PlaceRange[] {
  if (!move) {
    const message = `Slot ${shorten(slot)} needs ${places} places more than are free: users of other slots would move to it; "move": true allows it`
    throw new FlagError('conflict', message)
  }
  return takeFirst(ranges, { from: JUST_FREED, to: slot, places })
}

function movesOf(before: readonly PlaceRange[], after: readonly PlaceRange[]): GroupMoves {
  let [moved, entered, left] = [0, 0, 0]
  for (const { from, to, places } of movedPlaces(before, after)) {
    if (from === FREE) entered += places
    else if (to === FREE) left += places
    else moved += places
  }
  return { moved, entered, left }
}

/** The rule that names the slot of a user; "" for users in a free place and without the attribute. */
export function groupRule({ by, salt, ranges }: Group): object {
  const attribute = { var: by }
  const shares = ranges.map(({ owner, places }) => [owner, places])
  const slot = { fractional: [{ cat: [salt, attribute] }, ...shares] }
  return { if: [{ and: [attribute, { '===': [attribute, { cat: [attribute] }] }] }, slot, ''] }
}
