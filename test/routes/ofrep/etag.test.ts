import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { etagOf, hashedText, matchesEtag } from '../../../src/routes/ofrep/etag.ts'

const etagOfTexts = (texts: readonly string[]) => etagOf(texts.map(hashedText))

test('etagOf() is equal for equal parts, on every replica and runtime', () => {
  assert.equal(etagOfTexts(['{"key":"Świętopełk"}', '{"key":"b"}']), '"b1b6aefad0929d634df154fb2a543df8"')
  assert.equal(etagOfTexts([]), '"00000000000000000000000000000000"')
})

test('etagOf() differs if a part differs, is missing, repeated, or at another position', () => {
  const texts = fc.array(fc.string(), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(texts, texts, (one, other) => {
      assert.equal(etagOfTexts(one) === etagOfTexts(other), JSON.stringify(one) === JSON.stringify(other))
    }),
  )
  for (const other of [['a'], ['b', 'a'], ['a', 'a', 'b'], ['a', 'b', ''], ['ab'], []])
    assert.notEqual(etagOfTexts(['a', 'b']), etagOfTexts(other), String(other))
})

for (const [ifNoneMatch, expected] of [
  [null, false],
  ['', false],
  ['*', true],
  [' * ', true],
  ['"abc"', true],
  ['W/"abc"', true],
  ['abc', true],
  ['W/abc', true],
  ['"x", "abc"', true],
  ['"x","abc"', true],
  ['"x" , W/"abc" ,', true],
  [',, "abc"', true],
  ['x, abc', true],
  ['"a,b", "abc"', true],
  ['"x"', false],
  ['"ABC"', false],
  ['"abc', true],
  ['"abc,', true],
  ['"x, abc"', false],
  ['"x,abc,y"', false],
  ['"abcd"', false],
  ['"*"', false],
  ['"x", *', false],
  ['w/"x"', false],
  ['"" , ""', false],
] as const)
  test(`matchesEtag() answers ${expected} to If-None-Match: ${ifNoneMatch}`, () =>
    assert.equal(matchesEtag(ifNoneMatch, '"abc"'), expected))

test('matchesEtag() finds a tag at any position of a list', () => {
  const opaque = fc.stringMatching(/^[!#-~]{1,12}$/)
  const written = fc.tuple(opaque, fc.boolean()).map(([tag, isWeak]) => `${isWeak ? 'W/' : ''}"${tag}"`)
  const separator = fc.constantFrom(',', ', ', ' ,', ' , ', ',,')
  const list = fc.tuple(fc.array(written), opaque, fc.array(written), separator)
  fc.assert(
    fc.property(list, ([before, tag, after, comma]) => {
      assert.equal(matchesEtag([...before, `"${tag}"`, ...after].join(comma), `"${tag}"`), true)
      const others = [...before, ...after]
      const isThere = others.some((other) => other === `"${tag}"` || other === `W/"${tag}"`)
      assert.equal(matchesEtag(others.join(comma), `"${tag}"`), isThere)
    }),
  )
})

test('matchesEtag() takes time in proportion to the header', () => {
  for (const unit of ['"', ' ', 'W/', ',', '"a']) assert.equal(matchesEtag(unit.repeat(1_000_000), '"abc"'), false)
})
