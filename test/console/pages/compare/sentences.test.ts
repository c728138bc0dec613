import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ComparedMember } from '../../../../src/console/pages/compare/queries.ts'
import { memberSentences } from '../../../../src/console/pages/compare/sentences.ts'

const ROLLOUT = { to: { variant: 'on' }, from: { base: true }, by: 'targetingKey', salt: 'r:a:1' }
const STEPS = [
  { at: 1_800_000_000, share: 10_000 },
  { at: 1_800_086_400, share: 100_000 },
]
const TIMELINE = [{ at: 1_800_000_000, rollout: { ...ROLLOUT, shape: { steps: STEPS } } }]
const RULE = { if: [{ '==': [{ var: 'plan' }, 'pro'] }, 'on'] }

for (const [member, source, target, expected] of [
  ['/state', 'DISABLED', 'ENABLED', ['Disabled: applications use the default in their code']],
  ['/defaultVariant', 'on', 'off', ['Default variant: off → on']],
  ['/variants/b', 2, undefined, ['Variant b added: 2']],
  ['/variants/a~1b', undefined, 1, ['Variant "a/b" removed (1)']],
  ['/metadata/team', 'web', 'shop', ['Metadata team: "shop" → "web"']],
  [
    '/targeting',
    {
      fractional: [
        ['on', 10],
        ['off', 90],
      ],
    },
    undefined,
    ['Otherwise: the default variant → 10 % on and 90 % off by targeting key'],
  ],
  ['/flagstaff/rule', RULE, null, ['Rule: the default variant → on if plan is pro; otherwise the default variant']],
  [
    '/flagstaff/timeline',
    TIMELINE,
    undefined,
    ['Timeline: nothing → 15 Jan 2027, 08:00 UTC: 10 % get on, 16 Jan 2027, 08:00 UTC: 100 % get on'],
  ],
  [
    '',
    { state: 'ENABLED', variants: { a: 1 }, defaultVariant: 'a' },
    undefined,
    ['Added to the environment: "a" for everyone'],
  ],
] as const)
  test(`${member || 'a whole flag'} is said: ${expected[0]}`, () => {
    const compared = { member, verdict: 'take', source, target } as unknown as ComparedMember
    assert.deepEqual(
      memberSentences(compared).map(({ text }) => text),
      expected,
    )
  })
