import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlagError } from '../../src/flag/error.ts'
import { Calls } from '../../src/repository/calls.ts'
import { BOUNDS_SECONDS, Labeled, newCounter, newHistogram } from '../../src/telemetry/counters.ts'

test('a timing counts each duration once, in the bucket whose bound it does not exceed', () => {
  const timing = newHistogram()
  for (const bound of BOUNDS_SECONDS) timing.add(bound)
  assert.deepEqual(timing.counts, [...BOUNDS_SECONDS.map(() => 1), 0])
  timing.add(0)
  timing.add(1e9)
  assert.equal(timing.counts[0], 2)
  assert.equal(timing.counts.at(-1), 1)
  assert.equal(timing.seconds, BOUNDS_SECONDS.reduce((sum, bound) => sum + bound, 0) + 1e9)
})

test('a timing keeps the newest trace of each bucket, and none where it was told none', () => {
  const timing = newHistogram()
  timing.add(0.3, 'a')
  timing.add(0.4, 'b')
  timing.add(0.4)
  timing.add(0.04)
  const known = timing.exemplars.filter((exemplar) => exemplar !== undefined)
  assert.deepEqual(
    known.map(({ traceId, seconds }) => [traceId, seconds]),
    [['b', 0.4]],
  )
})

test('a tally has one cell for each combination of labels', () => {
  const tally = new Labeled(['a', 'b'], newCounter)
  tally.of('1', '23').value += 1
  tally.of('12', '3').value += 2
  tally.of('1', '23').value += 4
  assert.deepEqual(
    [...tally.all()],
    [
      { labels: { a: '1', b: '23' }, cell: { value: 5 } },
      { labels: { a: '12', b: '3' }, cell: { value: 2 } },
    ],
  )
})

test('Calls.note() notes how work ended and hands its outcome on', async () => {
  const calls = new Calls('postgresql')
  const failure = new Error('Connection lost')
  const refusal = new FlagError('unavailable', 'Away')
  assert.equal(await calls.note('read', async () => 1), 1)
  await assert.rejects(
    calls.note('read', () => Promise.reject(failure)),
    failure,
  )
  await assert.rejects(
    calls.note('write', () => Promise.reject(refusal)),
    refusal,
  )
  assert.deepEqual(
    Array.from(calls.timings.all(), ({ labels, cell }) => [
      labels['call'],
      labels['code'],
      cell.counts.reduce((a, b) => a + b),
    ]),
    [
      ['read', 'ok', 1],
      ['read', 'failed', 1],
      ['write', 'unavailable', 1],
    ],
  )
})
