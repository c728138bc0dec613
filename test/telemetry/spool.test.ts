import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Spool } from '../../src/telemetry/spool.ts'

test('a full spool lets the oldest go, and counts it', () => {
  const spool = new Spool<number>(3)
  for (const item of [1, 2, 3, 4, 5]) spool.push(item)
  assert.equal(spool.size, 3)
  assert.equal(spool.dropped.value, 2)
  assert.deepEqual(spool.take(2), [3, 4])
  spool.push(6)
  spool.push(7)
  assert.deepEqual(spool.take(9), [5, 6, 7])
  assert.deepEqual(spool.take(9), [])
  assert.equal(spool.dropped.value, 2)
})

test('whoever listens is woken by each item, and at once by what is there already', () => {
  const spool = new Spool<number>(3)
  spool.push(1)
  let wakes = 0
  spool.listen(() => {
    wakes += 1
  })
  assert.equal(wakes, 1)
  spool.push(2)
  assert.equal(wakes, 2)
})
