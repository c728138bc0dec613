import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Bucketing } from '../../../src/flag/definition.ts'
import { pick, placeOf } from '../../../src/flag/operators/fractional.ts'
import { ruleValue } from '../../support/rule.ts'

const HALVES = [
  ['lower', 50],
  ['upper', 50],
] as const
/** Texts whose hashes are 0, 1, 2^31 − 1, 2^31 and 2^32 − 1 (found by flagd's test bed). */
const EDGES = ['ejOoVL', 'bY9fO-', 'SI7p-', '6LvT0', 'ceQdGm']

test('placeOf() is exact for every hash and total', () => {
  const hashes = [0, 1, 2, 65535, 65536, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 123456789, 3456789012]
  for (const hash of hashes)
    for (const total of [1, 2, 3, 100, 65535, 65536, 2 ** 21 + 1, 2 ** 30, 2 ** 31 - 2, 2 ** 31 - 1])
      assert.equal(BigInt(placeOf(hash, total)), (BigInt(hash) * BigInt(total)) >> 32n, `${hash} of ${total}`)
})

test('pick() handles the largest possible weights', () => {
  const weights = [2_147_483_646, 1]
  assert.equal(pick(0xffffffff, weights, 2_147_483_647, 'v2'), 1)
  assert.equal(pick(0xfffffffd, weights, 2_147_483_647, 'v2'), 0)
})

const CASES: readonly (readonly [rule: readonly unknown[], context: object, expected: unknown])[] = [
  [[{ var: 'id' }, ...HALVES], { id: EDGES[2] }, 'lower'],
  [[{ var: 'id' }, ...HALVES], { id: EDGES[3] }, 'upper'],
  // The bucketing value
  [[{ var: 'id' }, ...HALVES], {}, null],
  [[{ var: 'id' }, ...HALVES], { id: '' }, 'lower'],
  [[{ var: 'id' }, ...HALVES], { id: 5, targetingKey: 'u' }, null],
  [
    [{ var: 'id' }, ...HALVES],
    { id: null, targetingKey: 'T0' },
    ruleValue({ fractional: HALVES }, { targetingKey: 'T0' }),
  ],
  [[{ cat: ['SI7', 'p-'] }, ...HALVES], {}, 'lower'],
  [[{ cat: ['6L', { var: 'rest' }] }, ...HALVES], { rest: 'vT0' }, 'upper'],
  [[{ cat: [] }, ['x']], {}, 'x'],
  [HALVES, {}, null],
  [HALVES, { targetingKey: 12 }, null],
  [HALVES, { targetingKey: '' }, null],
  [HALVES, { targetingKey: null }, null],
  // Weights
  [
    [
      ['x', 0],
      ['y', 1],
    ],
    { targetingKey: 'u' },
    'y',
  ],
  [
    [
      ['x', -5],
      ['y', 1],
    ],
    { targetingKey: 'u' },
    'y',
  ],
  [
    [
      ['x', 0],
      ['y', 0],
    ],
    { targetingKey: 'u' },
    null,
  ],
  [[['x', null]], { targetingKey: 'u' }, 'x'],
  [[['x']], { targetingKey: 'u' }, 'x'],
  [[['x', 1, 'extra']], { targetingKey: 'u' }, 'x'],
  [[['x', 0.5]], { targetingKey: 'u' }, null],
  [[['x', '1']], { targetingKey: 'u' }, null],
  [[['x', 2_147_483_647]], { targetingKey: 'u' }, 'x'],
  [
    [
      ['x', 2_147_483_647],
      ['y', 1],
    ],
    { targetingKey: 'u' },
    null,
  ],
  [
    [
      ['x', { var: 'weight' }],
      ['y', 1],
    ],
    { targetingKey: 'u', weight: 0 },
    'y',
  ],
  [
    [
      ['x', { var: 'weight' }],
      ['y', 1],
    ],
    { targetingKey: 'u', weight: 'a' },
    null,
  ],
  // Entries
  [[], { targetingKey: 'u' }, null],
  [[{ var: 'id' }], { id: 'u' }, null],
  [[{ var: 'id' }, 'x'], { id: 'u' }, null],
  [[{ var: 'id' }, []], { id: 'u' }, null],
  [[[true, 1]], { targetingKey: 'u' }, true],
  [[[1, 1]], { targetingKey: 'u' }, 1],
  [[[null, 1]], { targetingKey: 'u' }, null],
  [[[['a'], 1]], { targetingKey: 'u' }, null],
  [[[{ var: 'name' }, 1]], { targetingKey: 'u', name: 'z' }, 'z'],
  [[[{ var: 'name' }, 1]], { targetingKey: 'u', name: {} }, null],
  [[{ var: 'entry' }, ['y', 0]], { targetingKey: 'u', entry: ['x', 1] }, null],
  [[{ var: 'id' }, { var: 'entry' }], { id: 'u', entry: ['x', 1] }, 'x'],
  [[{ var: 'first' }, { var: 'entry' }], { targetingKey: 'u', first: ['x', 1], entry: ['y', 0] }, 'x'],
]

for (const [rule, context, expected] of CASES)
  test(`fractional ${JSON.stringify(rule)} of ${JSON.stringify(context)} is ${JSON.stringify(expected)}`, () =>
    assert.equal(ruleValue({ fractional: rule }, context), expected))

test('a list as the bucketing value is an entry only if the rule defines it as one', () => {
  assert.equal(ruleValue({ fractional: [{ var: 'id' }, ['x', 1]] }, { id: ['y', 1], targetingKey: 'u' }), null)
})

for (const bucketing of ['v2', 'v3'] as const)
  test(`the seed gives the same bucket joined and in parts under ${bucketing}`, () => {
    for (const email of ['a@b.c', 'é@b.c', '😀', '', 'abcd', 'abcdefgh', '\ud800x', 'x'.repeat(300)]) {
      const entries = Array.from({ length: 16 }, (_, index) => [index, 1])
      const parts = { cat: [{ var: '$flagd.flagKey' }, { var: 'email' }, '!'] }
      const joined = { if: [true, parts] }
      assert.equal(
        ruleValue({ fractional: [parts, ...entries] }, { email }, { bucketing }),
        ruleValue({ fractional: [joined, ...entries] }, { email }, { bucketing }),
      )
    }
  })

for (const [bucketing, id, expected] of [
  ['v1', EDGES[2], null],
  ['v1', EDGES[3], null],
  ['v1', EDGES[4], 'lower'],
  ['v2', EDGES[4], 'upper'],
  ['v2', 5, null],
  ['v3', 5, 'lower'],
  ['v3', [1], null],
  ['v3', null, null],
] as const)
  test(`bucketing ${bucketing} of ${JSON.stringify(id)} gives ${expected}`, () => {
    const rule = { fractional: [{ var: 'id' }, ...HALVES] }
    const settings = { bucketing: bucketing satisfies Bucketing }
    assert.equal(ruleValue(rule, { id, targetingKey: 'u' }, settings), expected)
  })

test('bucketing v3 of a value that nests too deep has no result', () => {
  let id: unknown = 1
  for (let depth = 0; depth < 10_000; depth += 1) id = { id }
  assert.equal(ruleValue({ fractional: [{ var: 'id' }, ['x']] }, { id }, { bucketing: 'v3' }), null)
})
