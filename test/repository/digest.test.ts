import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'
import { hmacSha256, isEqualInTime, sha256, sha256Bytes } from '../../src/repository/digest.ts'

const TEXTS = ['', 'abc', 'ünï \u0000 \u{1f600}', 'x'.repeat(1_000)]

test('sha256() and hmacSha256() match node:crypto, for texts and bytes', () => {
  const key = Buffer.from('a key of some length')
  for (const text of TEXTS)
    for (const data of [text, Buffer.from(text)]) {
      const hash = () => createHash('sha256').update(text)
      for (const encoding of ['base64', 'base64url', 'hex'] as const)
        assert.equal(sha256(data, encoding), hash().digest(encoding))
      assert.deepEqual(sha256Bytes(data), hash().digest())
      assert.deepEqual(hmacSha256(key, data), createHmac('sha256', key).update(text).digest())
    }
})

test('hmacSha256() accepts keys that are empty, and longer than a block', () => {
  for (const key of [Buffer.alloc(0), Buffer.alloc(64, 1), Buffer.alloc(65, 1), Buffer.alloc(1_000, 1)])
    assert.deepEqual(hmacSha256(key, 'abc'), createHmac('sha256', key).update('abc').digest())
})

test('isEqualInTime() detects a difference of one bit at any position, and rejects different lengths', () => {
  const one = sha256Bytes('abc')
  assert.equal(isEqualInTime(one, Buffer.from(one)), true)
  for (let bit = 0; bit < one.byteLength * 8; bit += 1) {
    const other = Buffer.from(one)
    other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.equal(isEqualInTime(one, other), false)
  }
  assert.throws(() => isEqualInTime(one, one.subarray(1)), /length/)
})
