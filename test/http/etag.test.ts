import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { etagOf, isHeld } from '../../src/http/etag.ts'

test('etagOf() is the quoted hex SHA-256 of the body as UTF-8', () => {
  const body = '{"flags":[{"key":"Świętopełk"}]}'
  assert.equal(etagOf(body), `"${createHash('sha256').update(Buffer.from(body, 'utf8')).digest('hex')}"`)
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
  test(`isHeld() answers ${expected} to If-None-Match: ${ifNoneMatch}`, () =>
    assert.equal(isHeld(ifNoneMatch, '"abc"'), expected))

test('isHeld() finds a tag anywhere in any list of tags', () => {
  const opaque = fc.stringMatching(/^[!#-~]{1,12}$/)
  const written = fc.tuple(opaque, fc.boolean()).map(([tag, isWeak]) => `${isWeak ? 'W/' : ''}"${tag}"`)
  const separator = fc.constantFrom(',', ', ', ' ,', ' , ', ',,')
  const list = fc.tuple(fc.array(written), opaque, fc.array(written), separator)
  fc.assert(
    fc.property(list, ([before, tag, after, comma]) => {
      assert.equal(isHeld([...before, `"${tag}"`, ...after].join(comma), `"${tag}"`), true)
      const others = [...before, ...after]
      const isThere = others.some((other) => other === `"${tag}"` || other === `W/"${tag}"`)
      assert.equal(isHeld(others.join(comma), `"${tag}"`), isThere)
    }),
  )
})

test('isHeld() takes time in proportion to the header', () => {
  for (const unit of ['"', ' ', 'W/', ',', '"a']) assert.equal(isHeld(unit.repeat(1_000_000), '"abc"'), false)
})
