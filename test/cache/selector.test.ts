import assert from 'node:assert/strict'
import { test } from 'node:test'
import { environmentOf, parseSelector, reflect, selects } from '../../src/cache/selector.ts'

for (const [header, expected] of [
  [null, undefined],
  [undefined, undefined],
  ['', undefined],
  ['   ', undefined],
  ['flagSetId=shop/live', { key: 'flagSetId', value: 'shop/live' }],
  [' flagSetId = shop/live ', { key: 'flagSetId', value: 'shop/live' }],
  ['flagSetId=', { key: 'flagSetId', value: '' }],
  ['source=flags.json', { key: 'source', value: 'flags.json' }],
  ['flags.json', { key: 'source', value: 'flags.json' }],
  ['source=https://a.example/?x=1', { key: 'source', value: 'https://a.example/?x=1' }],
] as const)
  test(`parseSelector() reads ${JSON.stringify(header)}`, () => assert.deepEqual(parseSelector(header), expected))

for (const header of ['x=1', '=1', 'flagsetid=a', 'flagSetId=a,source=b', 'flagSetId=a, flagSetId=b', '__proto__=a'])
  test(`parseSelector() refuses ${header}`, () =>
    assert.throws(() => parseSelector(header), { code: 'invalid', message: /^invalid selector: / }))

for (const [header, expected] of [
  ['flagSetId=shop/live', 'shop/live'],
  ['flagSetId=shop', undefined],
  ['flagSetId=shop/live/more', undefined],
  ['flagSetId=/live', undefined],
  ['flagSetId=shop/', undefined],
  ['flagSetId=', undefined],
  ['source=shop/live', undefined],
  ['shop/live', undefined],
] as const)
  test(`environmentOf() takes ${header} for ${expected}`, () =>
    assert.equal(environmentOf(parseSelector(header)), expected))

for (const [header, metadata, expected] of [
  [undefined, {}, true],
  ['flagSetId=shop/live', {}, true],
  ['flagSetId=shop/live', { flagSetId: 'other' }, true],
  ['flagSetId=other', { flagSetId: 'other' }, true],
  ['flagSetId=other', {}, false],
  ['flagSetId=shop/test', {}, false],
  ['flagSetId=', {}, true],
  ['flagSetId=', { flagSetId: 'other' }, false],
  ['source=a.json', { source: 'a.json' }, true],
  ['a.json', { source: 'a.json' }, true],
  ['a.json', { source: 'b.json' }, false],
  ['a.json', {}, false],
] as const)
  test(`selects() answers ${expected} to ${header} for a flag with ${JSON.stringify(metadata)}`, () =>
    assert.equal(selects(parseSelector(header), 'shop/live', metadata), expected))

test('reflect() repeats the selector, and returns nothing if there is nothing to name', () => {
  assert.deepEqual(reflect(parseSelector('flagSetId=a')), { flagSetId: 'a' })
  assert.deepEqual(reflect(parseSelector('a.json')), { source: 'a.json' })
  assert.deepEqual(reflect(parseSelector('flagSetId=')), {})
  assert.deepEqual(reflect(undefined), {})
})
