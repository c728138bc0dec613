import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteSpool } from '../../src/telemetry/byte-spool.ts'

const PAGE_BYTES = 65_536
/** Bytes that tell one item from all others, and whether they are whole. */
const item = (number: number, length: number) => new Uint8Array(length).fill(number % 251)
const isItem = (bytes: Uint8Array | undefined, number: number, length: number) =>
  bytes?.length === length && bytes.every((byte) => byte === number % 251)
const lengthOf = (number: number) => 1 + ((number * 7_919) % 9_000)

test('bytes are copied, wait in order and stay until they are done', () => {
  const spool = new ByteSpool(10)
  const given = item(1, 5)
  spool.push(given)
  given.fill(9)
  spool.push(item(2, 0))
  const taken = spool.take(10)
  assert.ok(isItem(taken[0], 1, 5))
  assert.equal(taken[1]?.length, 0)
  for (let number = 3; number < 300; number++) {
    spool.push(item(number, 1_000))
    spool.done(spool.take(1))
  }
  assert.ok(isItem(taken[0], 1, 5), 'what is taken and not done is nobody else’s')
})

test('memory is used again once it is done, whatever the lengths and the batches', () => {
  const spool = new ByteSpool(500)
  const buffers = new Set<ArrayBufferLike>()
  let [next, seen] = [0, 0]
  for (let round = 0; round < 200; round++) {
    const many = 1 + ((round * 31) % 120)
    for (let count = 0; count < many; count++, next++) spool.push(item(next, lengthOf(next)))
    const batches = [spool.take(50), spool.take(500)]
    for (const bytes of batches.flat()) {
      assert.ok(isItem(bytes, seen, lengthOf(seen)), `item ${seen}`)
      buffers.add(bytes.buffer)
      seen += 1
    }
    for (const batch of round % 2 === 0 ? batches : batches.reverse()) spool.done(batch)
  }
  assert.equal(seen, next)
  assert.equal(spool.dropped.value, 0)
  assert.ok(next * 4_500 > 40 * PAGE_BYTES, 'there was enough to use it again')
  assert.ok(buffers.size < 15, `${buffers.size} pages`)
})

test('those that make room give their memory back, too', () => {
  const spool = new ByteSpool(100)
  const buffers = new Set<ArrayBufferLike>()
  for (let number = 0; number < 10_000; number++) {
    spool.push(item(number, 2_000))
    if (number % 1_000 === 999) {
      const taken = spool.take(1)
      assert.ok(isItem(taken[0], number - 99, 2_000))
      for (const { buffer } of taken) buffers.add(buffer)
      spool.done(taken)
    }
  }
  assert.equal(spool.dropped.value, 10_000 - 100 - 9)
  for (const [at, bytes] of spool.take(100).entries()) {
    assert.ok(isItem(bytes, 9_901 + at, 2_000), String(at))
    buffers.add(bytes.buffer)
  }
  assert.ok(buffers.size < 12, `${buffers.size} pages`)
})

test('what is longer than a page has one of its own', () => {
  const spool = new ByteSpool(10)
  for (const length of [10, PAGE_BYTES * 3, PAGE_BYTES, 20]) spool.push(item(length, length))
  const taken = spool.take(10)
  assert.deepEqual(
    taken.map((bytes) => bytes.length),
    [10, PAGE_BYTES * 3, PAGE_BYTES, 20],
  )
  for (const bytes of taken) assert.ok(isItem(bytes, bytes.length, bytes.length))
  spool.done(taken)
  spool.push(item(1, 1))
  assert.ok(isItem(spool.take(1)[0], 1, 1))
})
