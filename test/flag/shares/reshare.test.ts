import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { movedPlaces, type PlaceRange, placesOf, reshare } from '../../../src/flag/shares/ranges.ts'
import { reshareRule, SPLIT_TOTAL, type VariantShare } from '../../../src/flag/shares/split.ts'
import { ruleValue } from '../../support/rule.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f']
const TOTAL = 1_000

/** Shares of some names, whose sum is TOTAL. */
const distribution = fc
  .array(fc.record({ owner: fc.constantFrom(...NAMES), places: fc.integer({ min: 0, max: TOTAL }) }), { maxLength: 12 })
  .map((parts) => {
    let left = TOTAL
    const ranges: PlaceRange[] = parts.flatMap(({ owner, places }) => {
      const taken = Math.min(left, places)
      left -= taken
      return taken > 0 ? [{ owner, places: taken }] : []
    })
    return left > 0 ? [...ranges, { owner: 'a', places: left }] : ranges
  })
const movedOf = (before: readonly PlaceRange[], after: readonly PlaceRange[]) =>
  movedPlaces(before, after).reduce((sum, { places }) => sum + places, 0)

test('reshare() moves half the sum of all differences, which is the least possible', () => {
  fc.assert(
    fc.property(distribution, distribution, (before, target) => {
      const wanted = placesOf(target)
      const after = reshare(before, wanted)
      assert.deepEqual(new Map([...placesOf(after)].sort()), new Map([...wanted].sort()))
      const names = new Set([...placesOf(before).keys(), ...wanted.keys()])
      const differences = [...names].map((name) =>
        Math.abs((placesOf(before).get(name) ?? 0) - (wanted.get(name) ?? 0)),
      )
      assert.equal(movedOf(before, after), differences.reduce((sum, one) => sum + one, 0) / 2)
    }),
  )
})

const quarters = { fractional: ['a', 'b', 'c', 'd'].map((variant) => [variant, 25]) }
const users = Array.from({ length: 4_000 }, (_, index) => ({ targetingKey: `user-${index}` }))
const moverShare = (before: unknown, after: unknown) =>
  users.filter((user) => ruleValue(before, user) !== ruleValue(after, user)).length / users.length
const shares = (record: Record<string, number>): VariantShare[] =>
  Object.entries(record).map(([variant, percent]) => ({ variant, share: percent * (SPLIT_TOTAL / 100) }))

test('25/25/25/25 to 50/50/0/0 moves half of the users; new weights alone would move 75 %', () => {
  const { rule, moves } = reshareRule(quarters, shares({ a: 50, b: 50 }))
  assert.equal(moves, 0.5)
  assert.ok(Math.abs(moverShare(quarters, rule) - 0.5) < 0.03)
  const naive = {
    fractional: [
      ['a', 50],
      ['b', 50],
    ],
  }
  assert.ok(Math.abs(moverShare(quarters, naive) - 0.75) < 0.03)
})

test('a user moves only from a variant whose share shrinks to one whose share grows', () => {
  const { rule } = reshareRule(quarters, shares({ a: 10, b: 40, c: 25, e: 25 }))
  for (const user of users) {
    const [before, after] = [ruleValue(quarters, user), ruleValue(rule, user)]
    if (before === after) continue
    assert.ok(['a', 'd'].includes(String(before)) && ['b', 'e'].includes(String(after)), `${before} → ${after}`)
  }
})

test('the users of each variant are its share of all', () => {
  const { rule } = reshareRule(quarters, shares({ a: 10, b: 40, c: 25, e: 25 }))
  const counted = Map.groupBy(users, (user) => String(ruleValue(rule, user)))
  for (const [variant, share] of [
    ['a', 0.1],
    ['b', 0.4],
    ['c', 0.25],
    ['e', 0.25],
  ] as const)
    assert.ok(Math.abs((counted.get(variant)?.length ?? 0) / users.length - share) < 0.03, variant)
})

test('the same shares change no user, whatever the weights are written in', () => {
  const thirds = { fractional: [{ cat: ['salt', { var: 'targetingKey' }] }, ['a', 1], ['b', 1], ['c', 2]] }
  const { rule, moves } = reshareRule(thirds, shares({ a: 25, b: 25, c: 50 }))
  assert.equal(moves, 0)
  assert.deepEqual(rule, thirds)
})

test('a split inside a rule keeps its seed, and everything around it stays', () => {
  const rule = { if: [{ '==': [{ var: 'plan' }, 'pro'] }, 'a', quarters] }
  const reshared = reshareRule(rule, shares({ a: 100 }))
  assert.deepEqual(reshared.rule, { if: [{ '==': [{ var: 'plan' }, 'pro'] }, 'a', { fractional: [['a', 1]] }] })
  assert.equal(reshared.pointer, '/if/2')
})

const two = { if: [{ var: 'x' }, quarters, quarters] }
for (const [name, rule, at, message] of [
  ['a rule without a split', { if: [true, 'a'] }, undefined, /has no split/],
  [
    'computed weights',
    {
      fractional: [
        ['a', { var: 'w' }],
        ['b', 1],
      ],
    },
    undefined,
    /has no split/,
  ],
  ['two splits', two, undefined, /has 2 splits: name one with "at": "\/if\/1", "\/if\/2"/],
  ['another place', two, '/if/0', /no split at "\/if\/0"/],
  [
    'weights with a large prime sum',
    {
      fractional: [
        ['a', 99_990],
        ['b', 1],
      ],
    },
    undefined,
    /cannot be divided/,
  ],
] as const)
  test(`${name} cannot get new shares`, () => assert.throws(() => reshareRule(rule, shares({ a: 100 }), at), message))

test('one of two splits is named by its place', () =>
  assert.deepEqual(reshareRule(two, shares({ b: 100 }), '/if/2').rule, {
    if: [{ var: 'x' }, quarters, { fractional: [['b', 1]] }],
  }))
