import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  changeSlots,
  FREE,
  GROUP_PLACES,
  type Group,
  type GroupSlot,
  groupRule,
} from '../../../src/flag/shares/group.ts'
import { type PlaceRange, placesOf } from '../../../src/flag/shares/ranges.ts'
import { ruleValue } from '../../support/rule.ts'

const EMPTY: readonly PlaceRange[] = [{ owner: FREE, places: GROUP_PLACES }]
const group = (ranges: readonly PlaceRange[]): Group => ({ by: 'targetingKey', salt: 'g:checkout', ranges })
const slots = (record: Record<string, number>): GroupSlot[] =>
  Object.entries(record).map(([slot, places]) => ({ slot, places }))
const USERS = Array.from({ length: 100_000 }, (_, index) => ({ targetingKey: `user-${index}` }))
const slotsOf = (ranges: readonly PlaceRange[]) => {
  const rule = groupRule(group(ranges))
  return USERS.map((user) => String(ruleValue(rule, user)))
}
const near = (count: number, places: number) =>
  assert.ok(Math.abs(count - places) < 4 * Math.sqrt(places) + 1, `${count} of ${places}`)

test('each of 100,000 users is in one slot at most, in each slot as many as it has places', () => {
  const { ranges } = changeSlots(EMPTY, slots({ a: 20_000, b: 70_000 }), false)
  const conditions = ['a', 'b'].map((slot) => ({ '==': [groupRule(group(ranges)), slot] }))
  const counts = [0, 0]
  for (const user of USERS) {
    const inside = conditions.map((condition) => ruleValue(condition, user) === true)
    assert.ok(inside.filter(Boolean).length <= 1)
    for (const [index, is] of inside.entries()) counts[index] = (counts[index] ?? 0) + Number(is)
  }
  near(counts[0] ?? 0, 20_000)
  near(counts[1] ?? 0, 70_000)
})

const steps: readonly (readonly [
  name: string,
  before: Record<string, number>,
  after: Record<string, number>,
  move: boolean,
  moves: readonly [moved: number, entered: number, left: number],
])[] = [
  [
    'adding a slot moves no user of another slot',
    { a: 20_000, b: 30_000 },
    { a: 20_000, b: 30_000, c: 50_000 },
    false,
    [0, 50_000, 0],
  ],
  ['removing a slot frees its places', { a: 20_000, b: 30_000 }, { b: 30_000 }, false, [0, 0, 20_000]],
  ['a slot grows into free places', { a: 20_000, b: 30_000 }, { a: 40_000, b: 30_000 }, false, [0, 20_000, 0]],
  [
    'a slot shrinks while another grows into free places',
    { a: 20_000, b: 30_000 },
    { a: 10_000, b: 60_000 },
    false,
    [0, 30_000, 10_000],
  ],
  [
    'places go from slot to slot only where it is allowed',
    { a: 60_000, b: 40_000 },
    { a: 50_000, b: 50_000 },
    true,
    [10_000, 0, 0],
  ],
]
for (const [name, before, after, move, [moved, entered, left]] of steps)
  test(name, () => {
    const first = changeSlots(EMPTY, slots(before), false).ranges
    const second = changeSlots(first, slots(after), move)
    assert.deepEqual(second.moves, { moved, entered, left })
    const [was, is] = [slotsOf(first), slotsOf(second.ranges)]
    const count = (holds: (from: string, to: string) => boolean) =>
      was.filter((from, index) => from !== is[index] && holds(from, is[index] ?? '')).length
    near(
      count((from, to) => from !== FREE && to !== FREE),
      moved,
    )
    near(
      count((from) => from === FREE),
      entered,
    )
    near(
      count((_, to) => to === FREE),
      left,
    )
  })

test('a slot cannot take the places of another one in passing', () => {
  const { ranges } = changeSlots(EMPTY, slots({ a: 60_000, b: 40_000 }), false)
  assert.throws(() => changeSlots(ranges, slots({ a: 50_000, b: 50_000 }), false), /Slot "b" needs 10000 places more/)
})

test('places that were freed earlier belong to no slot until they are given anew', () => {
  const full = changeSlots(EMPTY, slots({ a: 60_000, b: 40_000 }), false).ranges
  const smaller = changeSlots(full, slots({ a: 50_000, b: 40_000 }), false).ranges
  assert.equal(placesOf(smaller).get(FREE), 10_000)
  const { moves } = changeSlots(smaller, slots({ a: 50_000, b: 50_000 }), false)
  assert.deepEqual(moves, { moved: 0, entered: 10_000, left: 0 })
})

test('any sequence of changes keeps all places, and without "move" no user changes slots', () => {
  const wish = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 1, max: 40_000 }))
  fc.assert(
    fc.property(fc.array(wish, { minLength: 1, maxLength: 8 }), (wishes) => {
      let ranges = EMPTY
      for (const wanted of wishes) {
        if (Object.values(wanted).reduce((sum, places) => sum + places, 0) > GROUP_PLACES) continue
        const change = changeSlots(ranges, slots(wanted), true)
        const total = [...placesOf(change.ranges).values()].reduce((sum, places) => sum + places, 0)
        assert.equal(total, GROUP_PLACES)
        for (const [slot, places] of Object.entries(wanted)) assert.equal(placesOf(change.ranges).get(slot), places)
        if (change.moves.moved === 0) assert.deepEqual(changeSlots(ranges, slots(wanted), false), change)
        else assert.throws(() => changeSlots(ranges, slots(wanted), false))
        ranges = change.ranges
      }
    }),
  )
})

test('users without the attribute, or with one that is no text, are in no slot', () => {
  const { ranges } = changeSlots(EMPTY, slots({ a: GROUP_PLACES }), false)
  const rule = groupRule({ by: 'account', salt: 's', ranges })
  for (const context of [{}, { account: '' }, { account: 12 }, { account: null }, { account: ['x'] }])
    assert.equal(ruleValue(rule, context), '')
  assert.equal(ruleValue(rule, { account: 'x' }), 'a')
})
