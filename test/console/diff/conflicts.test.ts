import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  conflictTitle,
  sayConflictPart,
  saySegmentPart,
  segmentConflictTitle,
} from '../../../src/console/diff/conflicts.ts'
import { changeSentences, sayAction } from '../../../src/console/diff/history.ts'
import { mergeDefinitions, mergeSegments } from '../../../src/console/draft/merge.ts'
import { readDefinition } from '../../../src/console/rules/read.ts'

const plan = (name: string) => ({ '==': [{ var: 'plan' }, name] })
const staff = { $ref: 'staff' }
const beta = { $ref: 'beta' }
const rollout = (percent: number) => ({
  fractional: [
    ['on', percent],
    ['off', 100 - percent],
  ],
})
const flag = (targeting: unknown, members = {}) => ({
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'off',
  targeting,
  ...members,
})

for (const [base, mine, theirs, title, ours, others] of [
  [
    rollout(10),
    rollout(20),
    rollout(30),
    'Otherwise',
    '20 % on and 80 % off by targeting key',
    '30 % on and 70 % off by targeting key',
  ],
  [
    { if: [staff, 'on', plan('x'), 'on'] },
    { if: [staff, 'on', plan('y'), 'on'] },
    { if: [staff, 'on', plan('z'), 'on'] },
    'Rule 2: condition',
    'plan is y',
    'plan is z',
  ],
  [
    { if: [staff, 'on'] },
    { if: [staff, 'off'] },
    { if: [staff, null] },
    'Rule 1: result',
    'off',
    'the default variant',
  ],
  [
    { if: [staff, 'on', beta, 'on'] },
    { if: [beta, 'on'] },
    { if: [staff, 'off', beta, 'on'] },
    'Rule 1',
    'Removed',
    'off if in segment staff',
  ],
  [
    { if: [{ or: [staff, beta] }, 'on'] },
    { if: [{ or: [staff] }, 'on'] },
    { if: [{ or: [beta] }, 'on'] },
    'Rule 1: condition',
    'in segment staff',
    'in segment beta',
  ],
  [
    { if: [staff, 'on', beta, 'off', plan('x'), 'on'] },
    { if: [beta, 'off', staff, 'on', plan('x'), 'on'] },
    { if: [staff, 'on', plan('x'), 'on', beta, 'off'] },
    'All rules',
    'off if in segment beta; on if in segment staff; on if plan is x; otherwise off',
    'on if in segment staff; on if plan is x; off if in segment beta; otherwise off',
  ],
] as const)
  test(`a conflict in words: ${title}, ${ours}`, () => {
    const { conflicts } = mergeDefinitions(flag(base), flag(mine), flag(theirs))
    const { view } = readDefinition(JSON.stringify(flag(base)))
    const [conflict] = conflicts
    assert.ok(view && conflict && conflicts.length === 1)
    assert.equal(conflictTitle(conflict, view), title)
    assert.deepEqual(
      [conflict.mine, conflict.theirs].map((value) => sayConflictPart(conflict, value, view)),
      [ours, others],
    )
  })

test('conflicts outside the rules are named by their member', () => {
  const base = flag({}, { metadata: { owner: 'web' } })
  const change = (name: string) => ({
    ...base,
    variants: { on: name, off: false },
    defaultVariant: name,
    metadata: { owner: name },
    note: name,
  })
  const { conflicts } = mergeDefinitions(base, change('a'), change('b'))
  const { view } = readDefinition(JSON.stringify(base))
  assert.ok(view)
  const said = conflicts.map((conflict) => [
    conflictTitle(conflict, view),
    sayConflictPart(conflict, conflict.mine, view),
  ])
  assert.deepEqual(said, [
    ['Variant on', '"a"'],
    ['Default variant', '"a"'],
    ['Metadata owner', '"a"'],
    ['Member note', '"a"'],
  ])
})

test('an entry of the record is said by what it is about', () => {
  const definitions = { subject: 'definition', action: 'update', before: flag(rollout(1)), after: flag(rollout(2)) }
  const segment = { subject: 'segment', action: 'update', before: ['DE'], after: ['DE', 'AT'] }
  const key = { subject: 'key', action: 'create', before: null, after: { name: 'web', role: 'client' } }
  assert.deepEqual(
    [definitions, segment, key].map((change) => changeSentences(change).map(({ text }) => text)),
    [
      ['Otherwise: on 1 % → 2 %, off 99 % → 98 %'],
      ['AT added to the list'],
      ['Name added: "web"', 'Role added: "client"'],
    ],
  )
  assert.deepEqual(['rollback', 'new'].map(sayAction), ['Brought back', 'new'])
})

const country = (name: string) => ({ '==': [{ var: 'country' }, name] })

for (const [base, mine, theirs, title, ours, others] of [
  [plan('pro'), beta, staff, 'Rule', 'in segment beta', 'in segment staff'],
  [
    { and: [staff, plan('a')] },
    { and: [staff, plan('b')] },
    { and: [staff, plan('c')] },
    'Condition 2',
    'plan is b',
    'plan is c',
  ],
  [
    { and: [staff, plan('a'), country('DE')] },
    { and: [staff, country('DE')] },
    { and: [staff, plan('c'), country('DE')] },
    'Condition 2',
    'Removed',
    'plan is c',
  ],
] as const)
  test(`a conflict of "${ours}" and "${others}" in a segment is about "${title}"`, () => {
    const [conflict, ...more] = mergeSegments(base, mine, theirs).conflicts
    assert.ok(conflict)
    assert.deepEqual(more, [])
    assert.equal(segmentConflictTitle(conflict, base), title)
    assert.equal(saySegmentPart(conflict, conflict.mine), ours)
    assert.equal(saySegmentPart(conflict, conflict.theirs), others)
  })
