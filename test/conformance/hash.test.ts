import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeCbor } from '../../src/flag/operators/cbor.ts'
import { Murmur3, murmur3 } from '../../src/flag/operators/murmur3.ts'
import { readJson, withConformance } from '../support/conformance.ts'

type Texts = { readonly rows: readonly { readonly s: string; readonly utf8: number }[] }
type Values = {
  readonly rows: readonly { readonly value: unknown; readonly cborHex: string; readonly murmur3: number }[]
}

withConformance('hash vectors', () => {
  for (const { s, utf8 } of (readJson('murmur3-x86-32-seed0.json') as Texts).rows)
    test(`murmur3(${JSON.stringify(s)}) is ${utf8}`, () => assert.equal(murmur3(s), utf8))

  for (const { value: written, cborHex, murmur3: hash } of (readJson('fractional-v3-cbor.json') as Values).rows)
    test(`encodeCbor(${JSON.stringify(written)}) is ${cborHex.slice(0, 40)}`, () => {
      const bytes = encodeCbor(written === '-0 (number)' ? -0 : written, 1000) ?? new Uint8Array()
      assert.equal(Buffer.from(bytes).toString('hex'), cborHex)
      assert.equal(new Murmur3().addBytes(bytes).finish(), hash)
    })
})
