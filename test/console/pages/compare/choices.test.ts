import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  differingSegments,
  NO_PICKS,
  openChoices,
  selectionOf,
  sideOf,
  withPick,
} from '../../../../src/console/pages/compare/choices.ts'
import type { ComparedItem, ComparedSegment } from '../../../../src/console/pages/compare/queries.ts'

type Member = ComparedItem['members'][number]
const member = (name: string, verdict: Member['verdict']): Member => ({ member: name, verdict })
const item = (status: ComparedItem['status'], members: Member[], segments: string[] = []): ComparedItem => ({
  flag: 'a',
  status,
  base: null,
  members,
  segments,
  needs: [],
})

for (const [name, verdict, side] of [
  ['/targeting', 'take', 'source'],
  ['/targeting', 'keep', 'target'],
  ['/targeting', 'unknown', 'source'],
  ['/targeting', 'conflict', undefined],
  ['/state', 'take', 'target'],
  ['/state', 'unknown', 'target'],
  ['/state', 'conflict', undefined],
] as const)
  test(`${name} with the verdict ${verdict} comes from ${side ?? 'a choice'}`, () => {
    assert.equal(sideOf(member(name, verdict)), side)
    assert.equal(sideOf(member(name, verdict), { [name]: 'source' }), 'source')
  })

test('a selection names the side of each member, but of the state only if it was picked', () => {
  const flag = item('different', [
    member('/state', 'unknown'),
    member('/targeting', 'take'),
    member('/variants/b', 'conflict'),
  ])
  assert.equal(openChoices([flag], [], NO_PICKS), 1)
  const picks = withPick(NO_PICKS, 'a', '/variants/b', 'target')
  assert.equal(openChoices([flag], [], picks), 0)
  assert.deepEqual(selectionOf(flag, picks), {
    flag: 'a',
    resolve: { '/targeting': 'source', '/variants/b': 'target' },
    remove: false,
  })
  assert.equal(selectionOf(flag, withPick(picks, 'a', '/state', 'source')).resolve['/state'], 'source')
})

test('a flag that the source removed is removed, one that the target added stays', () => {
  const removed = item('only-in-target', [member('', 'take')])
  assert.deepEqual(selectionOf(removed, NO_PICKS), { flag: 'a', resolve: { '': 'source' }, remove: true })
  const own = item('only-in-target', [member('', 'keep')])
  assert.deepEqual(selectionOf(own, NO_PICKS), { flag: 'a', resolve: { '': 'target' }, remove: false })
})

test('a segment needs a choice if a selected flag reaches it and the target has another one', () => {
  const rule = { '==': [{ var: 'x' }, 1] }
  const segments: ComparedSegment[] = [
    { segment: 'differs', verdict: 'unknown', source: rule, target: {} },
    { segment: 'missing', verdict: 'take', source: rule },
    { segment: 'unreached', verdict: 'take', source: rule, target: {} },
  ]
  const flag = item('different', [], ['differs', 'missing'])
  const open = differingSegments([flag], segments)
  assert.deepEqual(
    open.map(({ segment }) => segment),
    ['differs'],
  )
  assert.equal(openChoices([flag], open, NO_PICKS), 1)
  assert.equal(openChoices([flag], open, { ...NO_PICKS, segments: { differs: 'target' } }), 0)
})
