import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomFrom } from '../support/random.ts'
import { isFlat, type Sample, trendOf } from './flatness.ts'

const MIB = 2 ** 20
/** A sample each 20 s for half an hour. */
const samplesOf = (bytesAt: (seconds: number) => number): Sample[] =>
  Array.from({ length: 90 }, (_, index) => ({ seconds: (index + 1) * 20, bytes: bytesAt((index + 1) * 20) }))
const noise = randomFrom(7)

for (const [name, bytesAt, expected] of [
  ['constant memory is flat', () => 70 * MIB, true],
  ['noise of 5 % is flat', () => 70 * MIB * (0.975 + noise() / 20), true],
  ['a start that fills caches is flat', (seconds: number) => 70 * MIB - 30 * MIB * Math.exp(-seconds / 200), true],
  ['memory that shrinks is flat', (seconds: number) => 70 * MIB - seconds * 1_000, true],
  ['30 bytes for each of 200 requests per second are a leak', (seconds: number) => 70 * MIB + seconds * 6_000, false],
  ['a leak in noise is a leak', (seconds: number) => 70 * MIB * (0.975 + noise() / 20) + seconds * 9_000, false],
] as const)
  test(`trendOf(): ${name}`, () => {
    const trend = trendOf(samplesOf(bytesAt))
    assert.equal(isFlat(trend), expected, JSON.stringify(trend))
  })

test('trendOf() refuses a run that is too short for a trend', () => {
  assert.throws(() => trendOf([{ seconds: 10, bytes: 1 }]), /a third of the run has no sample/)
})
