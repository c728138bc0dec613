import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Batch, PageSpool } from '../../src/telemetry/page-spool.ts'
import { ProtobufWriter } from '../../src/telemetry/protobuf.ts'

const PAGE_BYTES = 65_536
const writer = new ProtobufWriter()
const open = (capacity: number) =>
  new PageSpool<Uint8Array>(capacity, (page, item) => writer.append(page, item, (to, bytes) => to.part(bytes)))
/** Bytes that tell one item from all others, and whether they are whole. */
const item = (number: number, length: number) => new Uint8Array(length).fill(number % 251)
const lengthOf = (number: number) => 1 + ((number * 7_919) % 9_000)
const bytesIn = ({ parts }: Batch): Buffer => Buffer.concat(parts.map(({ bytes }) => bytes))
const isAll = (batch: Batch, items: readonly Uint8Array[]) =>
  batch.length === items.length && bytesIn(batch).equals(Buffer.concat(items))
/** The items `from` up to `to`, each as long as it is. */
const items = (from: number, to: number, length: (number: number) => number) =>
  Array.from({ length: to - from }, (_, at) => item(from + at, length(from + at)))

test('items are written at once, wait in order and stay until they are done', () => {
  const spool = open(10)
  const given = item(1, 5)
  spool.push(given)
  given.fill(9)
  spool.push(item(2, 0))
  const taken = spool.take(10)
  assert.deepEqual([taken.length, taken.parts.length, spool.size], [2, 1, 0])
  for (let number = 3; number < 300; number++) {
    spool.push(item(number, 1_000))
    const [mine, theirs] = [spool.take(1), spool.take(1)]
    assert.ok(isAll(mine, [item(number, 1_000)]))
    assert.deepEqual([theirs.length, theirs.parts], [0, []])
    spool.done(mine)
  }
  assert.ok(isAll(taken, [item(1, 5), item(2, 0)]), 'what is taken and not done is nobody else’s')
})

test('memory is used again once it is done, whatever the lengths and the batches', () => {
  const spool = open(500)
  const buffers = new Set<ArrayBufferLike>()
  let [next, seen] = [0, 0]
  for (let round = 0; round < 200; round++) {
    const many = 1 + ((round * 31) % 120)
    for (let count = 0; count < many; count++, next++) spool.push(item(next, lengthOf(next)))
    const batches = [spool.take(50), spool.take(round % 3 === 0 ? 10 : 500)]
    for (const batch of batches) {
      assert.ok(isAll(batch, items(seen, seen + batch.length, lengthOf)), `from ${seen} on`)
      for (const { bytes } of batch.parts) buffers.add(bytes.buffer)
      seen += batch.length
    }
    for (const batch of round % 2 === 0 ? batches : batches.reverse()) spool.done(batch)
  }
  assert.equal(seen + spool.size, next)
  assert.equal(spool.dropped.value, 0)
  assert.ok(next * 4_500 > 40 * PAGE_BYTES, 'there was enough to use it again')
  assert.ok(buffers.size < 40, `${buffers.size} pages`)
})

test('whoever takes slowly has more pages, and none is written to that is out', () => {
  const spool = open(2_000)
  const out: { batch: Batch; from: number }[] = []
  let [next, seen] = [0, 0]
  for (let round = 0; round < 300; round++) {
    for (let count = 0; count < 37; count++, next++) spool.push(item(next, 700))
    const batch = spool.take(round % 5 === 4 ? 120 : 20)
    out.push({ batch, from: seen })
    seen += batch.length
    if (round % 7 < 3) continue
    const [oldest] = out.splice((round * 5) % out.length, 1)
    if (!oldest) continue
    assert.ok(
      isAll(
        oldest.batch,
        items(oldest.from, oldest.from + oldest.batch.length, () => 700),
      ),
    )
    spool.done(oldest.batch)
  }
  for (const { batch, from } of out)
    assert.ok(
      isAll(
        batch,
        items(from, from + batch.length, () => 700),
      ),
    )
})

test('those that make room give their memory back, too', () => {
  const spool = open(100)
  const buffers = new Set<ArrayBufferLike>()
  for (let number = 0; number < 10_000; number++) {
    spool.push(item(number, 2_000))
    if (number % 1_000 === 999) {
      const taken = spool.take(1)
      assert.ok(isAll(taken, [item(number - 99, 2_000)]))
      for (const { bytes } of taken.parts) buffers.add(bytes.buffer)
      spool.done(taken)
    }
  }
  assert.equal(spool.dropped.value, 10_000 - 100 - 9)
  assert.equal(spool.size, 99)
  const rest = spool.take(100)
  assert.ok(
    isAll(
      rest,
      items(9_901, 10_000, () => 2_000),
    ),
  )
  for (const { bytes } of rest.parts) buffers.add(bytes.buffer)
  assert.ok(buffers.size < 12, `${buffers.size} pages`)
})

test('what is longer than a page makes it larger', () => {
  const spool = open(10)
  const lengths = [10, PAGE_BYTES * 3, PAGE_BYTES, 20]
  for (const length of lengths) spool.push(item(length, length))
  const taken = spool.take(10)
  assert.ok(
    isAll(
      taken,
      lengths.map((length) => item(length, length)),
    ),
  )
  spool.done(taken)
  spool.push(item(1, 1))
  assert.ok(isAll(spool.take(1), [item(1, 1)]))
})

test('whoever listens is woken by each item, and at once by what is there already', () => {
  const spool = open(3)
  let wakes = 0
  spool.push(item(1, 1))
  spool.listen(() => {
    wakes += 1
  })
  assert.equal(wakes, 1)
  spool.push(item(2, 1))
  assert.equal(wakes, 2)
})
