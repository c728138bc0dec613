import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlagError } from '../../src/flag/error.ts'
import { Calls } from '../../src/repository/calls.ts'

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
