import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  definitionDifferences,
  propertyDifferences,
  segmentDifferences,
} from '../../../src/console/diff/differences.ts'
import { definition } from '../rules/generators.ts'

const plan = (name: string) => ({ '==': [{ var: 'plan' }, name] })
const staff = { $ref: 'staff' }
const beta = { $ref: 'beta' }
const country = (...values: string[]) => ({ in: [{ var: 'country' }, values] })
const rollout = (percent: number) => ({
  fractional: [
    ['on', percent],
    ['off', 100 - percent],
  ],
})
const flag = (targeting?: unknown, members = {}) => ({
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'off',
  ...(targeting === undefined ? {} : { targeting }),
  ...members,
})
const texts = (before: unknown, after: unknown) => definitionDifferences(before, after).map(({ text }) => text)
const rules = (before: unknown, after: unknown) => texts(flag(before), flag(after))

for (const [title, before, after, expected] of [
  [
    'a new rule',
    { if: [staff, 'on'] },
    { if: [staff, 'on', plan('pro'), rollout(10)] },
    ['Added rule 2: 10 % on and 90 % off by targeting key if plan is pro'],
  ],
  [
    'a removed rule',
    { if: [staff, 'on', beta, 'on'] },
    { if: [beta, 'on'] },
    ['Removed rule 1: on if in segment staff'],
  ],
  [
    'a moved rule',
    { if: [staff, 'on', beta, 'off', plan('x'), 'on'] },
    { if: [plan('x'), 'on', staff, 'on', beta, 'off'] },
    ['Moved rule 3 to place 1: on if plan is x'],
  ],
  [
    'a moved and changed rule',
    { if: [staff, 'on', beta, 'off'] },
    { if: [beta, 'on', staff, 'on'] },
    ['Rule 1: off → on', 'Moved rule 1 to place 2: on if in segment staff'],
  ],
  ['other weights', rollout(10), rollout(20), ['Otherwise: on 10 % → 20 %, off 90 % → 80 %']],
  [
    'the same weights in other numbers',
    rollout(10),
    {
      fractional: [
        ['on', 1],
        ['off', 9],
      ],
    },
    [],
  ],
  [
    'another bucketing value',
    rollout(10),
    { fractional: [{ var: 'org' }, ['on', 10], ['off', 90]] },
    ['Otherwise: by org instead of targeting key'],
  ],
  ['a hold', rollout(10), { if: [true, 'off', rollout(10)] }, ['Held at off']],
  ['a release', { if: [true, 'off', staff, 'on'] }, { if: [staff, 'on'] }, ['Released from off']],
  [
    'values of a list',
    { if: [country('DE', 'AT'), 'on'] },
    { if: [country('DE', 'CH'), 'on'] },
    ['Rule 1: CH added to the values of country', 'Rule 1: AT removed from the values of country'],
  ],
  [
    'a condition of a group',
    { if: [{ and: [staff, plan('x')] }, 'on'] },
    { if: [{ and: [staff, plan('x'), beta] }, 'on'] },
    ['Rule 1: added "and in segment beta"'],
  ],
  [
    'a clause that becomes a group',
    { if: [staff, 'on'] },
    { if: [{ or: [staff, beta] }, 'on'] },
    ['Rule 1: added "or in segment beta"'],
  ],
  [
    'a clause in a group',
    { if: [{ and: [staff, plan('x')] }, 'on'] },
    { if: [{ and: [staff, plan('b')] }, 'on'] },
    ['Rule 1: plan is x → plan is b'],
  ],
  ['another condition', { if: [staff, 'on'] }, { if: [plan('x'), 'on'] }, ['Rule 1: in segment staff → plan is x']],
  ['an otherwise', { if: [staff, 'on'] }, { if: [staff, 'on', 'on'] }, ['Otherwise: off → on']],
  [
    'a nested form of the same rules',
    { if: [staff, 'on', beta, 'off'] },
    { if: [staff, 'on', { if: [beta, 'off'] }] },
    [],
  ],
] as const)
  test(`differences: ${title}`, () => assert.deepEqual(rules(before, after), expected))

test('members of a definition are said one by one', () => {
  const before = flag(undefined, { metadata: { owner: 'web', tier: 1 }, extra: [1] })
  const after = {
    ...before,
    state: 'DISABLED',
    variants: { new: true, off: 5, third: 'x y' },
    defaultVariant: null,
    metadata: { owner: 'api', team: 'a' },
    extra: [2],
  }
  assert.deepEqual(texts(before, after), [
    'Disabled: applications use the default in their code',
    'Renamed variant on to new',
    'Variant off: false → 5',
    'Variant third added: "x y"',
    'Default variant: off → the default in the code',
    'Metadata owner: "web" → "api"',
    'Metadata team added: "a"',
    'Metadata tier removed (1)',
    'Member extra: [1] → [2]',
  ])
})

test('a definition that appears or disappears is said as a whole', () => {
  assert.deepEqual(texts(null, flag()), ['Added to the environment: off for everyone'])
  assert.deepEqual(texts(flag(rollout(5)), null), [
    'Removed from the environment: 5 % on and 95 % off by targeting key for everyone',
  ])
  assert.deepEqual(texts(null, undefined), [])
})

test('segments and properties', () => {
  assert.deepEqual(
    segmentDifferences(['DE'], ['DE', 'AT']).map(({ text }) => text),
    ['AT added to the list'],
  )
  assert.deepEqual(
    segmentDifferences(null, ['DE']).map(({ text }) => text),
    ['Created'],
  )
  assert.deepEqual(
    segmentDifferences(staff, plan('x')).map(({ text }) => text),
    ['in segment staff → plan is x'],
  )
  const before = { description: '', owner: 'web', tags: ['a'], archivedAt: null, permanent: false }
  const after = { description: 'New', owner: null, tags: ['a', 'b c'], archivedAt: null, permanent: true }
  assert.deepEqual(
    propertyDifferences(before, after).map(({ text }) => text),
    ['Description: "" → "New"', 'Owner removed ("web")', 'Tags: a → a and b c', 'Permanent: false → true'],
  )
})

test('two definitions have no differences exactly if they are the same apart from their form', () => {
  fc.assert(
    fc.property(definition, definition, (one, other) => {
      assert.deepEqual(definitionDifferences(one, structuredClone(one)), [])
      const found = definitionDifferences(one, other)
      for (const { text } of found) assert.match(text, /\S/)
      const visible = ({ variants, defaultVariant = null, state, metadata }: Record<string, unknown>) =>
        JSON.stringify([variants, defaultVariant, state, metadata])
      if (visible(one) !== visible(other)) assert.ok(found.length > 0)
    }),
  )
})
