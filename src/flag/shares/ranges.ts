/** Consecutive places that belong to one owner. */
export type PlaceRange = { readonly owner: string; readonly places: number }

/** The number of places of each owner. */
export function placesOf(ranges: readonly PlaceRange[]): Map<string, number> {
  const places = new Map<string, number>()
  for (const range of ranges) places.set(range.owner, (places.get(range.owner) ?? 0) + range.places)
  return places
}

/** The owner of places that were taken from one and not given to another yet. No name of an owner contains this character. */
const TAKEN = '\0'

/**
 * The ranges after each owner has the number of places in `wanted`, whose sum is that of the ranges. Only the surplus of owners that shrink
 * moves, cut from their last places: no way to change the shares moves less.
 */
export function reshare(ranges: readonly PlaceRange[], wanted: ReadonlyMap<string, number>): PlaceRange[] {
  const before = placesOf(ranges)
  let after = [...ranges]
  for (const [owner, places] of before) {
    const surplus = places - (wanted.get(owner) ?? 0)
    if (surplus > 0) after = takeLast(after, { from: owner, to: TAKEN, places: surplus })
  }
  for (const [owner, places] of wanted) {
    const lack = places - (before.get(owner) ?? 0)
    if (lack > 0) after = takeFirst(after, { from: TAKEN, to: owner, places: lack })
  }
  return after
}

type Transfer = { readonly from: string; readonly to: string; readonly places: number }

/** Gives the first places of `from` to `to`; all of them if there are fewer. */
export function takeFirst(ranges: readonly PlaceRange[], { from, to, places }: Transfer): PlaceRange[] {
  let left = places
  const parts = ranges.flatMap((range) => {
    const taken = range.owner === from ? Math.min(left, range.places) : 0
    left -= taken
    return [
      { owner: to, places: taken },
      { owner: range.owner, places: range.places - taken },
    ]
  })
  return joined(parts)
}

/** Gives the last places of `from` to `to`; all of them if there are fewer. */
export function takeLast(ranges: readonly PlaceRange[], transfer: Transfer): PlaceRange[] {
  return takeFirst(ranges.toReversed(), transfer).reverse()
}

function joined(parts: readonly PlaceRange[]): PlaceRange[] {
  const ranges: PlaceRange[] = []
  for (const { owner, places } of parts) {
    if (places === 0) continue
    const last = ranges.at(-1)
    if (last?.owner === owner) ranges[ranges.length - 1] = { owner, places: last.places + places }
    else ranges.push({ owner, places })
  }
  return ranges
}

/** Places with another owner after a change. Both lists have the same number of places. */
export function movedPlaces(
  before: readonly PlaceRange[],
  after: readonly PlaceRange[],
): { readonly from: string; readonly to: string; readonly places: number }[] {
  const [left, right] = [[...before], [...after]]
  const moved: Transfer[] = []
  for (let [one, other] = [left.shift(), right.shift()]; one && other; ) {
    const places = Math.min(one.places, other.places)
    if (one.owner !== other.owner) moved.push({ from: one.owner, to: other.owner, places })
    one = one.places > places ? { ...one, places: one.places - places } : left.shift()
    other = other.places > places ? { ...other, places: other.places - places } : right.shift()
  }
  return moved
}
