import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeCbor } from '../../src/flag/operators/cbor.ts'
import { Murmur3, murmur3 } from '../../src/flag/operators/murmur3.ts'
import { cborHex as hexOf } from '../support/cbor.ts'
import { readJson, withConformance } from '../support/conformance.ts'

type Texts = { readonly rows: readonly { readonly s: string; readonly utf8: number }[] }
type Values = {
  readonly rows: readonly { readonly value: unknown; readonly cborHex: string; readonly murmur3: number }[]
}

withConformance('hash vectors', () => {
  for (const { s, utf8 } of (readJson('murmur3-x86-32-seed0.json') as Texts).rows)
    test(`murmur3(${JSON.stringify(s)}) is ${utf8}`, () => assert.equal(murmur3(s), utf8))

  for (const { value: written, cborHex, murmur3: hash } of (readJson('fractional-v3-cbor.json') as Values).rows)
    test(`writeCbor() of ${JSON.stringify(written)} is ${cborHex.slice(0, 40)}`, () => {
      const value = written === '-0 (number)' ? -0 : written
      assert.equal(hexOf(value, 1000), cborHex)
      const streamed = new Murmur3()
      assert.ok(writeCbor(streamed, value, 1000))
      assert.equal(streamed.finish(), hash)
    })
})
