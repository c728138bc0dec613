import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { differenceOf, patchFlagSet } from '../../src/flag/flag-set.ts'
import { flagSetOf, ruled } from '../support/flag-set.ts'

const plain = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
const document = {
  flags: { plain, reached: ruled({ if: [{ $ref: 'outer' }, 'b'] }), ruled: ruled({ var: 'a' }) },
  $evaluators: { outer: { and: [{ $ref: 'inner' }] }, inner: { var: 'a' }, apart: { var: 'b' } },
  metadata: { team: 'core' },
}
const set = flagSetOf(document)

const CASES: [string, object, Record<string, string>][] = [
  ['nothing', {}, {}],
  ['a definition', { flags: { ...document.flags, plain: { ...plain, defaultVariant: 'off' } } }, { plain: 'update' }],
  ['a new flag', { flags: { ...document.flags, more: plain } }, { more: 'write' }],
  ['a flag less', { flags: { plain, ruled: document.flags.ruled } }, { reached: 'delete' }],
  ['a segment that another uses', { $evaluators: { ...document.$evaluators, inner: true } }, { reached: 'update' }],
  ['an unused segment', { $evaluators: { ...document.$evaluators, apart: true } }, {}],
  ['a segment less', { $evaluators: { outer: document.$evaluators.outer } }, { reached: 'update' }],
  ['metadata of the set', { metadata: { team: 'x' } }, { plain: 'update', reached: 'update', ruled: 'update' }],
  [
    'metadata of the set that a flag has of its own',
    { flags: { ...document.flags, plain: { ...plain, metadata: { team: 'core' } } }, metadata: { team: 'x' } },
    { plain: 'update', reached: 'update', ruled: 'update' },
  ],
]

for (const [what, change, expected] of CASES)
  test(`differenceOf() two sets that differ in ${what}`, () => {
    const other = flagSetOf({ ...document, ...change })
    assert.deepEqual(Object.fromEntries(differenceOf(set, other)), expected)
    assert.deepEqual([...differenceOf(other, other)], [])
  })

test('differenceOf() a set and its patch names the patched flags and those that depend on the patch', () => {
  const patched = patchFlagSet(set, { flags: [['plain', undefined]], segments: { ...set.segments, inner: false } })
  assert.deepEqual(Object.fromEntries(differenceOf(set, patched)), { reached: 'update', plain: 'delete' })
})

test('differenceOf() is the same for patched sets and newly compiled sets', () => {
  const variant = fc.constantFrom('on', 'off')
  const flags = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), variant, { maxKeys: 4 })
  const of = (chosen: Record<string, string>) =>
    Object.fromEntries(Object.entries(chosen).map(([key, defaultVariant]) => [key, { ...plain, defaultVariant }]))
  fc.assert(
    fc.property(flags, flags, (before, after) => {
      const [one, other] = [flagSetOf({ flags: of(before) }), flagSetOf({ flags: of(after) })]
      const changes = new Map<string, any>(Object.entries(of(after)))
      for (const key of Object.keys(before)) if (!changes.has(key)) changes.set(key, undefined)
      const patched = patchFlagSet(one, { flags: changes })
      assert.deepEqual(new Map(differenceOf(one, patched)), new Map(differenceOf(one, other)))
    }),
  )
})
