import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlagError } from '../../../src/flag/error.ts'
import { renameReferences, segmentUsers } from '../../../src/flag/rules/segment-users.ts'

const uses = (name: string) => ({ targeting: { if: [{ $ref: name }, 'on', 'off'] } })

test('segmentUsers() finds flags and segments with the shortest path to the segment', () => {
  const segments = {
    staff: { ends_with: [{ var: 'email' }, '@example.com'] },
    beta: { or: [{ $ref: 'staff' }, { '==': [{ var: 'beta' }, true] }] },
    early: { and: [{ $ref: 'beta' }, { $ref: 'staff' }] },
    alone: ['a', 'b'],
    loop: { '!': { $ref: 'loop' } },
  }
  const flags = Object.entries({ a: uses('staff'), b: uses('beta'), c: uses('early'), d: uses('gone'), e: {} })
  const usersOf = segmentUsers(flags, segments)
  assert.deepEqual(usersOf('staff'), {
    flags: [
      { key: 'a', path: [] },
      { key: 'b', path: ['beta'] },
      { key: 'c', path: ['early'] },
    ],
    segments: [
      { key: 'beta', path: [] },
      { key: 'early', path: [] },
    ],
  })
  assert.deepEqual(usersOf('beta').flags, [
    { key: 'b', path: [] },
    { key: 'c', path: ['early'] },
  ])
  assert.deepEqual(usersOf('alone'), { flags: [], segments: [] })
  assert.deepEqual(usersOf('gone').flags, [{ key: 'd', path: [] }])
  assert.deepEqual(usersOf('loop'), { flags: [], segments: [] })
})

test('segmentUsers() ends at paths longer than any valid rule has', () => {
  const segments = Object.fromEntries(
    Array.from({ length: 20_000 }, (_, index) => [`s${index}`, index === 0 ? [] : { $ref: `s${index - 1}` }]),
  )
  assert.equal(segmentUsers([], segments)('s0').segments.length, 101)
})

/** `inner` in so many objects. */
function nested(inner: unknown, depth: number): unknown {
  let rule = inner
  for (let level = 0; level < depth; level += 1) rule = { '!': rule }
  return rule
}

test('renameReferences() refuses a reference in a rule that nests deeper than a document may', () => {
  const deepest = nested({ $ref: 'a' }, 100)
  assert.deepEqual(renameReferences(deepest, 'a', 'b'), nested({ $ref: 'b' }, 100))
  const tooDeep = nested({ $ref: 'a' }, 100_000)
  assert.throws(
    () => renameReferences(tooDeep, 'a', 'b'),
    (error: unknown) =>
      error instanceof FlagError && error.code === 'invalid' && /"a" nests deeper/.test(error.message),
  )
  assert.equal(renameReferences(tooDeep, 'other', 'b'), tooDeep)
})

test('renameReferences() changes references and nothing else', () => {
  const rule = {
    if: [{ and: [{ $ref: 'a' }, { in: [{ var: 'a' }, ['a', { $ref: 'ab' }]] }] }, { $ref: 'a', extra: 1 }, null],
  }
  assert.deepEqual(renameReferences(rule, 'a', 'b'), {
    if: [{ and: [{ $ref: 'b' }, { in: [{ var: 'a' }, ['a', { $ref: 'ab' }]] }] }, { $ref: 'a', extra: 1 }, null],
  })
})
