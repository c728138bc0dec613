/** An item of a merged list: its places in the three lists, as far as it is there. */
export type Slot = {
  readonly base: number | undefined
  readonly mine: number | undefined
  readonly theirs: number | undefined
}

/** The items of a merged list in their order. */
type Alignment = {
  readonly slots: readonly Slot[]
  /** Whether both lists have the items of `base` in different new orders; the slots then have the order of `base`. */
  readonly isAmbiguous: boolean
}

/** How items are recognised in a changed list. */
export type Identity = {
  /** Equal keys are the same item; the first key that is found decides. */
  readonly keys: readonly ((item: unknown) => string)[]
  /** Whether items that are left between the same neighbours are the same item, changed. */
  readonly isByPlace: boolean
}

/** Aligns two changed lists with the one that they were made from. */
export function align(
  base: readonly unknown[],
  mine: readonly unknown[],
  theirs: readonly unknown[],
  identity: Identity,
): Alignment {
  const [one, other] = [new Side(base, mine, identity), new Side(base, theirs, identity)]
  const isAmbiguous = one.isReordered && other.isReordered && !isSameOrder(one.order, other.order)
  const order = isAmbiguous ? [...base.keys()] : one.isReordered ? one.order : other.order
  const placeIn = new Map([[START, -1], ...order.map((item, place): [number, number] => [item, place])])
  const additions = Map.groupBy(
    pairAdditions(one, other, (anchor) => placeIn.get(anchor) ?? -1),
    ({ anchor }) => anchor,
  )
  const slots = [START, ...order].flatMap((item) => {
    const slot = { base: item, mine: one.matches.get(item), theirs: other.matches.get(item) }
    const added = (additions.get(item) ?? []).map(({ slot: each }) => each)
    return item === START ? added : [slot, ...added]
  })
  return { slots, isAmbiguous }
}

/** The anchor of items before all others. */
const START = -1

/** Whether the items that both orders have are in the same order. */
function isSameOrder(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((item, place) => item === other[place])
}

class Side {
  readonly items: readonly unknown[]
  /** By place in the base, the place in this list. */
  readonly matches: ReadonlyMap<number, number>
  /** All places of the base in the order of this list; items that are removed stay behind the one before. */
  readonly order: readonly number[]
  readonly isReordered: boolean

  constructor(base: readonly unknown[], items: readonly unknown[], identity: Identity) {
    this.items = items
    this.matches = match(base, items, identity)
    const kept = [...this.matches].sort((one, other) => one[1] - other[1]).map(([place]) => place)
    this.isReordered = kept.some((place, index) => index > 0 && place < (kept[index - 1] ?? START))
    this.order = withRemoved(base.length, kept)
  }

  /** The items that are new, with the place in the base of the item before. */
  get additions(): readonly { readonly anchor: number; readonly index: number }[] {
    const known = new Map([...this.matches].map(([place, index]) => [index, place]))
    let anchor = START
    return this.items.flatMap((_, index) => {
      const place = known.get(index)
      if (place === undefined) return [{ anchor, index }]
      anchor = place
      return []
    })
  }
}

/** All places in the order of `kept`; each that is not there comes behind the one before it. */
function withRemoved(count: number, kept: readonly number[]): number[] {
  const known = new Set(kept)
  const followers = (place: number): number[] => {
    const found: number[] = []
    for (let next = place + 1; next < count && !known.has(next); next += 1) found.push(next)
    return found
  }
  return [...followers(START), ...kept.flatMap((place) => [place, ...followers(place)])]
}

function match(
  base: readonly unknown[],
  items: readonly unknown[],
  { keys, isByPlace }: Identity,
): Map<number, number> {
  const found: Found = { matches: new Map(), taken: new Set() }
  for (const key of keys) matchByKey(base.map(key), items.map(key), found)
  if (isByPlace) matchByPlace(base.length, items.length, found)
  return found.matches
}

/** Matched places of the base with places in the list, and the latter again. */
type Found = { readonly matches: Map<number, number>; readonly taken: Set<number> }

function take({ matches, taken }: Found, place: number, index: number): void {
  matches.set(place, index)
  taken.add(index)
}

/** Matches items with the same key, the first with the first. */
function matchByKey(base: readonly string[], items: readonly string[], found: Found): void {
  const free = new Map<string, number[]>()
  for (const [index, key] of items.entries()) if (!found.taken.has(index)) append(free, key, index)
  for (const [place, key] of base.entries()) {
    const index = found.matches.has(place) ? undefined : free.get(key)?.shift()
    if (index !== undefined) take(found, place, index)
  }
}

function append(lists: Map<string, number[]>, key: string, value: number): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}

/** Matches an item that is left with one that follows the same neighbour. */
function matchByPlace(baseCount: number, itemCount: number, found: Found): void {
  for (let place = 0; place < baseCount; place += 1) {
    if (found.matches.has(place)) continue
    const index = place === 0 ? 0 : (found.matches.get(place - 1) ?? itemCount) + 1
    if (index < itemCount && !found.taken.has(index)) take(found, place, index)
  }
}

type Addition = { readonly anchor: number; readonly slot: Slot; readonly text: string }

/** New items of both lists in an order that does not depend on which list is which. Equal ones are one item. */
function pairAdditions(mine: Side, theirs: Side, placeOf: (anchor: number) => number): Addition[] {
  const pending = theirs.additions.map((each) => ({ ...each, text: JSON.stringify(theirs.items[each.index]) }))
  const twins = new Map<string, number[]>()
  for (const [place, { text }] of pending.entries()) append(twins, text, place)
  const paired = new Set<number>()
  const added: Addition[] = []
  for (const { anchor, index } of mine.additions) {
    const text = JSON.stringify(mine.items[index])
    const place = twins.get(text)?.shift()
    const twin = place === undefined ? undefined : pending[place]
    if (place !== undefined) paired.add(place)
    const first = twin && placeOf(twin.anchor) < placeOf(anchor) ? twin.anchor : anchor
    added.push({ anchor: first, slot: { base: undefined, mine: index, theirs: twin?.index }, text })
  }
  for (const [place, { anchor, index, text }] of pending.entries())
    if (!paired.has(place)) added.push({ anchor, slot: { base: undefined, mine: undefined, theirs: index }, text })
  return sorted(added)
}

/** Items of one list at one anchor stay together; the list whose first text is lower comes first. */
function sorted(additions: readonly Addition[]): Addition[] {
  const leads = new Map<string, string>()
  const groupOf = ({ anchor, slot }: Addition) => `${anchor} ${slot.mine === undefined}`
  for (const each of additions) if (!leads.has(groupOf(each))) leads.set(groupOf(each), each.text)
  const leadOf = (each: Addition) => leads.get(groupOf(each)) ?? ''
  return [...additions].sort((one, other) => (leadOf(one) < leadOf(other) ? -1 : leadOf(one) > leadOf(other) ? 1 : 0))
}
