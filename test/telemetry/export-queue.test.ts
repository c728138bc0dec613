import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExportQueue } from '../../src/telemetry/export-queue.ts'

function open(capacity: number) {
  const pending = new ExportQueue<number>(capacity)
  const passed: number[] = []
  return { pending, passed, connect: () => pending.connect((item) => passed.push(item)) }
}

test('items wait until connect(), and pass through afterwards', () => {
  const { pending, passed, connect } = open(8)
  for (const item of [1, 2]) pending.push(item)
  assert.deepEqual(passed, [])
  connect()
  pending.push(3)
  assert.deepEqual(passed, [1, 2, 3])
  assert.equal(pending.size, 3, 'those that are on their way count until they are settled')
})

for (const when of ['before', 'after'] as const)
  test(`items above the maximum are dropped and counted, ${when} connect()`, () => {
    const { pending, passed, connect } = open(2)
    if (when === 'after') connect()
    for (const item of [1, 2, 3, 4]) pending.push(item)
    if (when === 'before') connect()
    assert.deepEqual(passed, [1, 2])
    assert.deepEqual([pending.size, pending.dropped.value], [2, 2])
  })

test('exported items free their places; lost items free theirs and are counted', () => {
  const { pending, passed, connect } = open(2)
  connect()
  for (const item of [1, 2]) pending.push(item)
  pending.settle(1, false)
  pending.settle(1, true)
  assert.deepEqual([pending.size, pending.dropped.value], [0, 1])
  for (const item of [3, 4, 5]) pending.push(item)
  assert.deepEqual(passed, [1, 2, 3, 4])
})

test('a listener is called for each waiting item, including those before it', () => {
  const { pending, connect } = open(8)
  const sizes: number[] = []
  pending.push(1)
  pending.listen((size) => sizes.push(size))
  pending.push(2)
  connect()
  pending.push(3)
  assert.deepEqual(sizes, [1, 2])
})
