import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wakefulClock } from '../../src/server/clock.ts'

test('wakefulClock() counts the time of a suspension and reports it once', () => {
  let monotonic = 100
  let wall = 1_000_000
  const jumps: number[] = []
  const now = wakefulClock({ monotonic: () => monotonic, wall: () => wall }, (ms) => jumps.push(ms))
  monotonic += 50
  wall += 50
  assert.equal(now(), 150)
  wall += 60_000
  assert.equal(now(), 60_150)
  assert.equal(now(), 60_150)
  assert.deepEqual(jumps, [60_000])
})

test('wakefulClock() never runs backwards, and a wall clock that is set back is a jump too', () => {
  let wall = 1_000_000
  const jumps: number[] = []
  const now = wakefulClock({ monotonic: () => 100, wall: () => wall }, (ms) => jumps.push(ms))
  wall -= 5_000
  assert.equal(now(), 100)
  assert.deepEqual(jumps, [-5_000])
  wall += 300 // drift is not a jump
  assert.equal(now(), 100)
  assert.equal(jumps.length, 1)
})
