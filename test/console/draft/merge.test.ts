import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { mergeDefinitions, mergeSegments } from '../../../src/console/draft/merge.ts'
import { print } from '../../../src/console/rules/print.ts'
import { applyEdits } from '../../../src/console/rules/text.ts'
import { definition } from '../rules/generators.ts'
import { operationsOn, type Seed, seeds } from '../rules/operations.ts'

const plan = (name: string) => ({ '==': [{ var: 'plan' }, name] })
const staff = { $ref: 'staff' }
const beta = { $ref: 'beta' }
const rollout = (percent: number) => ({
  fractional: [
    ['on', percent],
    ['off', 100 - percent],
  ],
})
const ruled = (targeting?: unknown, members = {}) => ({
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'off',
  ...(targeting === undefined ? {} : { targeting }),
  ...members,
})

/** The targeting of a merge without conflicts. */
function merged(base: unknown, mine: unknown, theirs: unknown): unknown {
  const { conflicts, resolve } = mergeDefinitions(ruled(base), ruled(mine), ruled(theirs))
  assert.deepEqual(conflicts, [])
  return (resolve([]) as { targeting?: unknown }).targeting
}

for (const [title, base, mine, theirs, expected] of [
  [
    'a hold and other weights',
    rollout(10),
    { if: [true, 'off', rollout(10)] },
    rollout(20),
    { if: [true, 'off', rollout(20)] },
  ],
  ['two new rules', undefined, { if: [staff, 'on'] }, { if: [beta, 'on'] }, { if: [beta, 'on', staff, 'on'] }],
  [
    'a new rule and another otherwise',
    { if: [staff, 'on', 'off'] },
    { if: [beta, 'off', staff, 'on', 'off'] },
    { if: [staff, 'on', rollout(1)] },
    { if: [beta, 'off', staff, 'on', rollout(1)] },
  ],
  [
    'a moved rule and a changed one',
    { if: [staff, 'on', beta, 'off', plan('a'), 'on'] },
    { if: [plan('a'), 'on', staff, 'on', beta, 'off'] },
    { if: [staff, 'on', beta, rollout(5), plan('a'), 'on'] },
    { if: [plan('a'), 'on', staff, 'on', beta, rollout(5)] },
  ],
  [
    'a removed rule and a changed one',
    { if: [staff, 'on', beta, 'off'] },
    { if: [beta, 'off'] },
    { if: [staff, 'on', beta, 'on'] },
    { if: [beta, 'on'] },
  ],
  [
    'condition and result of one rule',
    { if: [staff, 'on'] },
    { if: [beta, 'on'] },
    { if: [staff, 'off'] },
    { if: [beta, 'off'] },
  ],
  [
    'two conditions of a group',
    { if: [{ and: [staff, plan('a')] }, 'on'] },
    { if: [{ and: [staff, plan('a'), beta] }, 'on'] },
    { if: [{ and: [staff, plan('b')] }, 'on'] },
    { if: [{ and: [staff, plan('b'), beta] }, 'on'] },
  ],
  [
    'values of a list',
    { if: [{ in: [{ var: 'c' }, ['DE', 'AT']] }, 'on'] },
    { if: [{ in: [{ var: 'c' }, ['DE', 'AT', 'CH']] }, 'on'] },
    { if: [{ in: [{ var: 'c' }, ['AT']] }, 'on'] },
    { if: [{ in: [{ var: 'c' }, ['AT', 'CH']] }, 'on'] },
  ],
  [
    'weights and bucketing value',
    rollout(10),
    { fractional: [{ var: 'org' }, ['on', 10], ['off', 90]] },
    rollout(20),
    { fractional: [{ var: 'org' }, ['on', 20], ['off', 80]] },
  ],
  [
    'rules in a nested else',
    { if: [staff, 'on', { if: [beta, 'on', 'off'] }] },
    { if: [staff, 'off', { if: [beta, 'on', 'off'] }] },
    { if: [staff, 'on', { if: [beta, 'on', 'on'] }] },
    { if: [staff, 'off', beta, 'on', 'on'] },
  ],
  [
    'a rule removed around a changed one',
    { if: [staff, 'on', { if: [beta, 'on', 'off'] }] },
    { if: [beta, 'on', 'off'] },
    { if: [staff, 'on', { if: [beta, 'on', 'on'] }] },
    { if: [beta, 'on', 'on'] },
  ],
  [
    'the last rules removed and a changed otherwise',
    { if: [staff, 'on', 'off'] },
    { if: ['off'] },
    { if: [staff, 'on', 'on'] },
    { if: ['on'] },
  ],
] as const)
  test(`both changes fit: ${title}`, () => {
    assert.deepEqual(merged(base, mine, theirs), expected)
    assert.deepEqual(merged(base, theirs, mine), expected)
  })

for (const [title, base, mine, theirs, path, kind] of [
  ['weights', rollout(10), rollout(20), rollout(30), ['targeting', 'fractional'], 'value'],
  [
    'one clause',
    { if: [plan('a'), 'on'] },
    { if: [plan('b'), 'on'] },
    { if: [plan('c'), 'on'] },
    ['targeting', 'if', 0],
    'value',
  ],
  [
    'one result',
    { if: [staff, 'on'] },
    { if: [staff, 'off'] },
    { if: [staff, rollout(1)] },
    ['targeting', 'if', 1],
    'value',
  ],
  [
    'a removed and a changed rule',
    { if: [staff, 'on', beta, 'on'] },
    { if: [beta, 'on'] },
    { if: [staff, 'off', beta, 'on'] },
    ['targeting', 'if', 0],
    'rule',
  ],
  [
    'two orders',
    { if: [staff, 'on', beta, 'off', plan('a'), 'on'] },
    { if: [beta, 'off', staff, 'on', plan('a'), 'on'] },
    { if: [staff, 'on', plan('a'), 'on', beta, 'off'] },
    ['targeting'],
    'value',
  ],
  [
    'a group of which each removes the other half',
    { if: [{ or: [staff, beta] }, 'on'] },
    { if: [{ or: [staff] }, 'on'] },
    { if: [{ or: [beta] }, 'on'] },
    ['targeting', 'if', 0, 'or'],
    'value',
  ],
] as const)
  test(`a conflict at the smallest part: ${title}`, () => {
    const { conflicts, resolve } = mergeDefinitions(ruled(base), ruled(mine), ruled(theirs))
    assert.deepEqual(
      conflicts.map((conflict) => [conflict.path, conflict.kind]),
      [[path, kind]],
    )
    assert.deepEqual(resolve(['mine']), ruled(mine))
    assert.deepEqual(resolve(['theirs']), ruled(theirs))
    assert.throws(() => resolve([]), /Cannot merge: no choice for/)
  })

test('members of a definition merge one by one, in the order that one side gave them', () => {
  const base = ruled(undefined, { metadata: { owner: 'web' } })
  const mine = { ...base, variants: { new: true, on: true, off: false }, metadata: { owner: 'web', tier: 1 } }
  const theirs = { ...base, variants: { off: false, on: true }, defaultVariant: 'on', metadata: { owner: 'api' } }
  const { conflicts, resolve } = mergeDefinitions(base, mine, theirs)
  assert.deepEqual(conflicts, [])
  assert.equal(
    JSON.stringify(resolve([])),
    '{"state":"ENABLED","variants":{"new":true,"off":false,"on":true},"defaultVariant":"on","metadata":{"owner":"api","tier":1}}',
  )
})

test('a conflict can be resolved by a value of its own', () => {
  const { resolve } = mergeDefinitions(ruled(rollout(1)), ruled(rollout(2)), ruled(rollout(3)))
  assert.deepEqual(resolve([{ value: rollout(50).fractional }]), ruled(rollout(50)))
  const variants = (value: unknown) => ({ ...ruled(), variants: { on: value } })
  const removed = mergeDefinitions(variants(1), variants(2), variants(3)).resolve([{ value: undefined }])
  assert.deepEqual(removed, { ...ruled(), variants: {} })
})

test('segments merge as conditions and as lists', () => {
  const { conflicts, resolve } = mergeSegments({ or: [staff] }, { or: [staff, beta] }, { or: [staff, plan('a')] })
  assert.deepEqual(conflicts, [])
  assert.equal((resolve([]) as { or: unknown[] }).or.length, 3)
  assert.deepEqual(mergeSegments(['DE'], ['DE', 'AT'], ['CH', 'DE']).resolve([]), ['CH', 'DE', 'AT'])
})

/** A definition after one operation of the builder. */
function changed(value: unknown, seed: Seed): unknown {
  const text = print(value)
  const operations = operationsOn(text, seed)
  return JSON.parse(applyEdits(text, operations[(seed.number + seed.other) % operations.length]?.edits ?? []))
}

test('a merge with an unchanged side is the other side, and with the same change it is that change', () => {
  fc.assert(
    fc.property(definition, definition, (base, change) => {
      for (const [mine, theirs] of [
        [change, base],
        [base, change],
        [change, change],
      ]) {
        const { conflicts, resolve } = mergeDefinitions(base, mine, theirs)
        assert.deepEqual(conflicts, [])
        assert.equal(JSON.stringify(resolve([])), JSON.stringify(change))
      }
    }),
  )
})

/**
 * How often each constant and member name occurs in each scope: the conditions of a chain, its results, and all outside of its pairs. The else has
 * the scope of the chain, because one side may put rules around what the other keeps. One count for all scopes would hide an edit that removes a
 * constant from the else and adds the same one to a new rule. Null is left out: as else it means the same as nothing.
 */
function tokensOf(value: unknown, scope = '', counts = new Map<string, number>()): Map<string, number> {
  const add = (token: string) => counts.set(scope + token, (counts.get(scope + token) ?? 0) + 1)
  if (value === null) return counts
  if (typeof value !== 'object') return add(JSON.stringify(value))
  for (const [name, item] of Object.entries(value)) {
    if ((name === 'if' || name === '?:') && Array.isArray(item)) {
      const elseAt = item.length - (item.length % 2)
      for (const [place, operand] of item.entries())
        tokensOf(operand, place >= elseAt ? scope : `${scope}${place % 2 === 0 ? 'if' : 'then'} `, counts)
      continue
    }
    if (!Array.isArray(value) && name !== 'targeting') add(`${name}:`)
    tokensOf(item, scope, counts)
  }
  return counts
}

/** What was added and removed by either side is added and removed in the merge; what both did alike, once. */
function assertBoth(base: unknown, mine: unknown, theirs: unknown, value: unknown): void {
  const [old, ours, others, found] = [base, mine, theirs, value].map((each) => tokensOf(each))
  for (const token of new Set([...old!.keys(), ...ours!.keys(), ...others!.keys(), ...found!.keys()])) {
    const change = (counts = old) => (counts?.get(token) ?? 0) - (old?.get(token) ?? 0)
    const [one, other, both] = [change(ours), change(others), change(found)]
    const shared = one * other > 0 ? Math.min(Math.abs(one), Math.abs(other)) : 0
    const rest = Math.abs(one + other - both)
    assert.ok(
      rest <= shared,
      `${token}: ${one} and ${other} give ${both} in ${JSON.stringify([base, mine, theirs, value])}`,
    )
  }
}

/** The first edit puts a rule for "on" before the else, and both edits replace the split with "on" by "off". */
const RULE_AND_OTHERWISE: [unknown, Seed, Seed] = [
  { ...ruled({ fractional: [['on']] }), variants: { on: true, off: false, third: true } },
  {
    number: 15,
    other: 4,
    condition: { '<': [{ var: '$flagd.timestamp' }, 1] },
    result: { if: [plan('pro'), 'on', 'off'] },
  },
  { number: 12, other: 39, condition: { '==': [0, { var: 'plan' }] }, result: 'off' },
]

test('the check for lost edits finds one that the counts of other places would hide', () => {
  const base = ruled({ fractional: [['on']] })
  const mine = ruled({ if: [plan('pro'), 'on', 'off'] })
  const theirs = ruled({ if: ['off'] })
  assertBoth(base, mine, theirs, mine)
  for (const value of [base, theirs, ruled({ if: [plan('pro'), 'off', 'on'] })])
    assert.throws(() => assertBoth(base, mine, theirs, value), /give/)
})

test('200 random pairs of edits: no edit is lost, and it does not matter whose is whose', () => {
  fc.assert(
    fc.property(definition, seeds, seeds, (base, one, other) => {
      const [mine, theirs] = [changed(base, one), changed(base, other)]
      const merge = mergeDefinitions(base, mine, theirs)
      const reverse = mergeDefinitions(base, theirs, mine)
      assert.equal(reverse.conflicts.length, merge.conflicts.length)
      const choices = merge.conflicts.map(() => 'mine' as const)
      const value = merge.resolve(choices)
      assert.deepEqual(reverse.resolve(merge.conflicts.map(() => 'theirs')), value)
      if (merge.conflicts.length === 0) assertBoth(base, mine, theirs, value)
    }),
    { numRuns: 200, examples: [RULE_AND_OTHERWISE] },
  )
})

test('edits of different members of a definition give both, as one after the other', () => {
  fc.assert(
    fc.property(definition, seeds, (base, seed) => {
      const text = print(base)
      const within = (path: string) => operationsOn(text, seed).filter((operation) => operation.within[0] === path)
      for (const rule of within('targeting'))
        for (const member of [...within('variants'), ...within('metadata'), ...within('state')]) {
          const [mine, theirs] = [rule, member].map(({ edits }) => applyEdits(text, edits))
          const { conflicts, resolve } = mergeDefinitions(base, JSON.parse(mine ?? ''), JSON.parse(theirs ?? ''))
          assert.deepEqual(conflicts, [])
          const { targeting } = JSON.parse(mine ?? '')
          const expected = { ...JSON.parse(theirs ?? ''), targeting }
          if (targeting === undefined) delete expected.targeting
          assert.deepEqual(resolve([]), expected)
        }
    }),
    { numRuns: 60 },
  )
})
