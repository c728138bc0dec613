import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  finer,
  moveBorder,
  percentOf,
  setShare,
  stepOf,
} from '../../../../../../src/console/pages/flag/builder/values/shares.ts'

test('moveBorder() changes the two neighbours of the border and no other share', () => {
  assert.deepEqual(moveBorder([20, 30, 50], 0, 5), [25, 25, 50])
  assert.deepEqual(moveBorder([20, 30, 50], 1, -10), [20, 20, 60])
})

test('moveBorder() stops where a share would be negative', () => {
  assert.deepEqual(moveBorder([20, 30, 50], 0, 99), [50, 0, 50])
  assert.deepEqual(moveBorder([20, 30, 50], 0, -99), [0, 50, 50])
})

test('setShare() keeps the sum: the next share makes up for it, or the one before the last', () => {
  assert.deepEqual(setShare([25, 75], 0, 10), [10, 90])
  assert.deepEqual(setShare([20, 30, 50], 2, 60), [20, 20, 60])
})

test('finer() keeps all shares and stops at a sum of a million', () => {
  assert.deepEqual(finer([1, 3]), [10, 30])
  assert.equal(finer([500_000, 500_000]), undefined)
})

for (const [weight, total, percent] of [
  [1, 3, 33.333],
  [25, 100, 25],
  [1, 0, 0],
] as const)
  test(`weight ${weight} of ${total} is ${percent} %`, () => assert.equal(percentOf(weight, total), percent))

test('a step is a hundredth of the total, at least one unit', () => {
  assert.equal(stepOf(10_000), 100)
  assert.equal(stepOf(3), 1)
})
