import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { writeJoined, writeText } from '../../../src/flag/operators/cbor.ts'
import { Murmur3, murmur3 } from '../../../src/flag/operators/murmur3.ts'
import { Bytes, cborHex } from '../../support/cbor.ts'

const hashOfUtf8 = (text: string) => {
  const bytes = new TextEncoder().encode(text)
  return new Murmur3().addBytes(bytes).finish()
}
/** Any texts, including lone surrogates. */
const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
)

test("murmur3() of any text is the hash of TextEncoder's bytes", () => {
  fc.assert(fc.property(anyText, (text) => assert.equal(murmur3(text), hashOfUtf8(text))))
})

test('murmur3() treats a lone surrogate as U+FFFD', () => {
  for (const text of ['\ud800', 'ab\udc00c', '\ud83d', 'x\ud83dx']) assert.equal(murmur3(text), hashOfUtf8(text))
})

test('Murmur3 hashes consecutive texts as one', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 5 }), (texts) => {
      const hash = texts.reduce((all, text) => all.add(text), new Murmur3())
      assert.equal(hash.finish(), murmur3(texts.join('')))
    }),
  )
})

for (const [value, hex] of [
  [-(2 ** 53), '3b001fffffffffffff'],
  [-(2 ** 53) - 2, '3b0020000000000001'],
  [-(2 ** 63), '3b7fffffffffffffff'],
  [2 ** 63, '1b8000000000000000'],
  [-(2 ** 64), 'fadf800000'],
  [Number.NaN, 'f97e00'],
  [Number.NEGATIVE_INFINITY, 'f9fc00'],
  [undefined, 'f6'],
  ['\ud800', '63efbfbd'],
] as const)
  test(`writeCbor() of ${JSON.stringify(value)} is ${hex}`, () => assert.equal(cborHex(value, 100), hex))

test('writeJoined() writes the text that its parts are together, also where a surrogate pair is divided', () => {
  fc.assert(
    fc.property(fc.array(anyText, { maxLength: 5 }), (parts) => {
      const [joined, whole] = [new Bytes(), new Bytes()]
      writeJoined(joined, parts)
      writeText(whole, parts.join(''))
      assert.equal(joined.hex, whole.hex)
    }),
  )
  const divided = new Bytes()
  writeJoined(divided, ['a\ud83d', '\ude00'])
  assert.equal(divided.hex, '6561f09f9880')
})

test('a map is written in the order of the encoded names', () => {
  assert.equal(cborHex({ bb: 1, ä: 2, c: 3, a: 4 }, 100), 'a461610461630362626201 62c3a402'.replace(' ', ''))
})

test('writeCbor() rejects values that are too large or too deep', () => {
  assert.equal(cborHex(['x'.repeat(100), 'y'], 50), undefined)
  let value: unknown = []
  for (let depth = 0; depth < 100_000; depth += 1) value = [value]
  assert.equal(cborHex(value, 1000), undefined)
})
