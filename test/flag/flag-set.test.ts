import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Definition } from '../../src/flag/definition.ts'
import { evaluateKey } from '../../src/flag/evaluate.ts'
import { compileFlagSet, type FlagSet, patchFlagSet } from '../../src/flag/flag-set.ts'
import { flagSetOf, NOW, ruled } from '../support/flag-set.ts'

const staff = { ends_with: [{ var: 'email' }, '@example.com'] }
const set = flagSetOf({
  flags: {
    plain: { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on' },
    direct: ruled({ if: [{ $ref: 'staff' }, 'b'] }),
    indirect: ruled({ if: [{ $ref: 'testers' }, 'b'] }),
    dangling: ruled({ if: [{ $ref: 'later' }, 'b'] }),
  },
  $evaluators: { staff, testers: { and: [{ $ref: 'staff' }, { var: 'tester' }] } },
})
const STAFF = { email: 'a@example.com', tester: true }
const variantOf = (from: FlagSet, key: string) => {
  const evaluation = evaluateKey(from, key, STAFF, NOW)
  return evaluation.reason === 'ERROR' ? evaluation.errorCode : evaluation.variant
}
const variants = (from: FlagSet) => Object.fromEntries([...from.flags.keys()].map((key) => [key, variantOf(from, key)]))
/** The flags that are the same objects as before. */
const kept = (before: FlagSet, after: FlagSet) =>
  [...after.flags.keys()].filter((key) => after.flags.get(key) === before.flags.get(key))

test('compileFlagSet() isolates invalid flags', () => {
  const bad: Readonly<Record<string, unknown>> = {
    text: 'not a flag',
    nothing: null,
    list: [],
    empty: {},
    state: { state: 'on', variants: { a: 1 } },
    variants: { state: 'ENABLED', variants: [] },
    default: { state: 'ENABLED', variants: { a: 1 }, defaultVariant: 'b' },
    inherited: { state: 'ENABLED', variants: { a: 1 }, defaultVariant: 'toString' },
    number: { state: 'ENABLED', variants: { a: 1 }, defaultVariant: 1 },
  }
  const flags = new Map(Object.entries(bad) as [string, Definition][]).set('good', ruled('b'))
  const all = compileFlagSet({ flags, segments: {}, metadata: { owner: 'set' }, bucketing: 'v2' })
  for (const key of Object.keys(bad)) {
    const evaluation = evaluateKey(all, key, {}, NOW)
    assert.equal(evaluation.reason === 'ERROR' && evaluation.errorCode, 'PARSE_ERROR', key)
    assert.deepEqual(evaluation.metadata, { owner: 'set' })
  }
  assert.equal(variantOf(all, 'good'), 'b')
})

test('compileFlagSet() derives the type of a flag from its variants', () => {
  for (const [values, type] of [
    [{ a: true }, 'boolean'],
    [{ a: '' }, 'string'],
    [{ a: 1, b: 0.5 }, 'number'],
    [{ a: {} }, 'object'],
    [{ a: 1, b: '' }, undefined],
    [{ a: [] }, undefined],
    [{ a: null }, undefined],
    [{}, undefined],
  ] as const) {
    const flags = new Map([['flag', { state: 'ENABLED', variants: values } as const]])
    assert.equal(compileFlagSet({ flags, segments: {}, metadata: {}, bucketing: 'v2' }).flags.get('flag')?.type, type)
  }
})

test('rules share one compiled segment, and refer to segments through segments', () => {
  assert.deepEqual(variants(set), { plain: 'on', direct: 'b', indirect: 'b', dangling: 'PARSE_ERROR' })
})

test('patchFlagSet() compiles the changed flags and does not change the set before', () => {
  const before = variants(set)
  const after = patchFlagSet(set, {
    flags: [
      ['plain', undefined],
      ['direct', ruled('a')],
      ['new', ruled('b')],
    ],
  })
  assert.deepEqual(variants(after), { direct: 'a', indirect: 'b', dangling: 'PARSE_ERROR', new: 'b' })
  assert.deepEqual(kept(set, after), ['indirect', 'dangling'])
  assert.deepEqual(variants(set), before)
})

test('patchFlagSet() compiles the flags that depend on a changed segment, and no others', () => {
  const none = patchFlagSet(set, { segments: { ...set.segments, staff: { '!!': [false] } } })
  assert.deepEqual(variants(none), { plain: 'on', direct: 'a', indirect: 'a', dangling: 'PARSE_ERROR' })
  assert.deepEqual(kept(set, none), ['plain', 'dangling'])

  const added = patchFlagSet(set, { segments: { ...set.segments, later: { $ref: 'staff' } } })
  assert.equal(variantOf(added, 'dangling'), 'b')
  assert.deepEqual(kept(set, added), ['plain', 'direct', 'indirect'])

  const { testers } = set.segments
  const removed = patchFlagSet(set, { segments: { testers } })
  assert.deepEqual(variants(removed), {
    plain: 'on',
    direct: 'PARSE_ERROR',
    indirect: 'PARSE_ERROR',
    dangling: 'PARSE_ERROR',
  })
  assert.deepEqual(kept(set, removed), ['plain', 'dangling'])

  const same = patchFlagSet(set, { segments: structuredClone(set.segments) })
  assert.equal(kept(set, same).length, 4)
})

test('patchFlagSet() gives every flag new metadata or another bucketing', () => {
  const named = patchFlagSet(set, { metadata: { owner: 'b' }, flags: [['plain', undefined]] })
  assert.deepEqual(evaluateKey(named, 'direct', {}, NOW).metadata, { owner: 'b' })
  assert.deepEqual([...named.flags.keys()], ['direct', 'indirect', 'dangling'])
  const rolled = flagSetOf({ flags: { flag: ruled({ fractional: [{ var: 'id' }, ['a', 50], ['b', 50]] }) } })
  const wanted = (from: FlagSet) => evaluateKey(from, 'flag', { id: 'bY9fO-x' }, NOW)
  assert.notDeepEqual(wanted(patchFlagSet(rolled, { bucketing: 'v1' })), undefined)
  assert.equal(patchFlagSet(rolled, { bucketing: 'v1' }).bucketing, 'v1')
  assert.deepEqual(wanted(patchFlagSet(patchFlagSet(rolled, { bucketing: 'v1' }), { bucketing: 'v2' })), wanted(rolled))
})

test('patchFlagSet() with a patch is the same as compiling the whole result', () => {
  const patched = patchFlagSet(set, { segments: { staff: { '!!': [1] } }, flags: [['new', ruled({ $ref: 'staff' })]] })
  const flags = new Map([...patched.flags].map(([key, { definition }]) => [key, definition]))
  assert.deepEqual(variants(compileFlagSet({ ...patched, flags })), variants(patched))
})
