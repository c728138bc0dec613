import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { movesBetween, sayMoves } from '../../../src/console/rules/moves.ts'
import type { Definition } from '../../../src/flag/definition.ts'
import { evaluate } from '../../../src/flag/evaluate.ts'
import { compileFlagSet } from '../../../src/flag/flag-set.ts'
import { SEGMENTS, split, VARIANTS } from './generators.ts'

const definition = (targeting: unknown, members = {}) =>
  ({
    state: 'ENABLED',
    variants: { on: 1, off: 2, third: 3 },
    defaultVariant: 'off',
    targeting,
    ...members,
  }) as Definition
const moves = (before: unknown, after: unknown) => {
  const found = movesBetween(JSON.stringify(before), JSON.stringify(after))
  assert.ok(found)
  return found
}
const rollout = (percent: number) => ({
  fractional: [
    ['on', percent],
    ['off', 100 - percent],
  ],
})
const staff = { $ref: 'staff' }
const plan = (name: string) => ({ '==': [{ var: 'plan' }, name] })

for (const [title, before, after, sentence] of [
  ['a larger share', rollout(10), rollout(20), '10 % of users move from off to on; no other user moves'],
  ['a first rollout', {}, rollout(10), '10 % of users move from off to on; no other user moves'],
  [
    'the same share in finer weights',
    rollout(10),
    {
      fractional: [
        ['on', 1000],
        ['off', 9000],
      ],
    },
    'no user moves',
  ],
  [
    'exchanged shares',
    rollout(10),
    {
      fractional: [
        ['off', 90],
        ['on', 10],
      ],
    },
    '10 % of users move from on to off; 10 % of users move from off to on; no other user moves',
  ],
  [
    'another attribute',
    rollout(50),
    { fractional: [{ var: 'plan' }, ['on', 50], ['off', 50]] },
    'about 25 % of users move from on to off; about 25 % of users move from off to on; no other user moves',
  ],
  ['a hold', rollout(50), { if: [true, 'off', rollout(50)] }, 'everyone gets off'],
  [
    'a share in a rule',
    { if: [staff, rollout(1), 'off'] },
    { if: [staff, rollout(3), 'off'] },
    '2 % of users of rule 1 move from off to on; no other user moves',
  ],
  [
    'exchanged rules',
    { if: [staff, 'on', plan('pro'), 'third'] },
    { if: [plan('pro'), 'third', staff, 'on'] },
    'all users of rule 1 that rule 1 matches now move from on to third; no other user moves',
  ],
  [
    'exchanged rules that exclude each other',
    { if: [plan('a'), 'on', plan('b'), 'third'] },
    { if: [plan('b'), 'third', plan('a'), 'on'] },
    'no user moves',
  ],
  [
    'a new rule',
    rollout(0),
    { if: [staff, 'on', rollout(0)] },
    'all users without a matching rule that rule 1 matches now move from off to on; no other user moves',
  ],
  [
    'a new rule after one that is always true',
    { if: [true, 'on'] },
    { if: [true, 'on', staff, 'off'] },
    'no user moves',
  ],
  [
    'an advanced result',
    { if: [staff, { var: 'v' }] },
    { if: [staff, { var: 'w' }] },
    'the users that move cannot be computed: an advanced part changes',
  ],
  [
    'an advanced result beside another change',
    { if: [staff, { var: 'v' }] },
    { if: [staff, { var: 'w' }, 'on'] },
    'all users without a matching rule move from off to on; other users may move too: an advanced part changes',
  ],
] as const)
  test(`moves of ${title}`, () => assert.equal(sayMoves(moves(definition(before), definition(after))), sentence))

test('a disabled flag serves the default in the code', () => {
  const enabled = definition(rollout(25))
  const found = moves(enabled, { ...enabled, state: 'DISABLED' })
  assert.equal(sayMoves(found), 'everyone gets the default in the code')
  assert.deepEqual(
    found.moves.map(({ from, to, share }) => [from, to, share]),
    [
      ['on', null, 0.25],
      ['off', null, 0.75],
    ],
  )
})

test('without JSON there are no moves', () => assert.equal(movesBetween('{', '{}'), undefined))

const USERS = Array.from({ length: 4000 }, (_, index) => ({ targetingKey: `user-${index}`, plan: `plan-${index}` }))

function variantsFor(value: Definition): (string | undefined)[] {
  const set = compileFlagSet({ flags: new Map([['flag', value]]), segments: SEGMENTS, metadata: {}, bucketing: 'v2' })
  const flag = set.flags.get('flag') ?? assert.fail()
  return USERS.map((user) => {
    const answer = evaluate(flag, user, 1_750_000_000)
    assert.ok(answer.reason !== 'ERROR')
    return answer.variant
  })
}

const byKey = split.filter(({ fractional: [first] }) => Array.isArray(first))
const outcomes = fc.oneof(
  byKey,
  fc.constantFrom<unknown>(...VARIANTS).map((name) => ({ if: [name] })),
)

test('the shares are those that the evaluator moves among 4,000 users', () => {
  fc.assert(
    fc.property(outcomes, outcomes, (before, after) => {
      const [old, next] = [definition(before), definition(after)]
      const [served, serves] = [variantsFor(old), variantsFor(next)]
      const found = moves(old, next)
      assert.equal(found.isComplete, true)
      for (const from of VARIANTS)
        for (const to of VARIANTS) {
          if (from === to) continue
          const share = found.moves.find((move) => move.from === from && move.to === to)?.share ?? 0
          const moved = USERS.filter((_, index) => served[index] === from && serves[index] === to).length / USERS.length
          assert.ok(Math.abs(moved - share) < 0.05, `${from} → ${to}: ${share}, and ${moved} of the users`)
          if (share === 0) assert.equal(moved, 0)
        }
    }),
    { numRuns: 60 },
  )
})

test('sayMoves() names three moves and counts the others', () => {
  const rules = (variant: string) => ({ if: ['a', 'b', 'c', 'd', 'e'].flatMap((name) => [{ $ref: name }, variant]) })
  const text = sayMoves(moves(definition(rules('on')), definition(rules('third'))))
  const one = (rule: number) => `all users of rule ${rule} move from on to third`
  assert.equal(text, `${one(1)}; ${one(2)}; ${one(3)}; 2 other groups move`)
})
