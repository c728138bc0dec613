import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlagError } from '../../src/flag/error.ts'
import { StoreCalls, timeLimit } from '../../src/repository/calls.ts'

test('Calls.note() records how work ended and returns its result', async () => {
  const calls = new StoreCalls('postgresql')
  const failure = new Error('Connection lost')
  const refusal = new FlagError('unavailable', 'Away')
  assert.equal(await calls.measure('read', async () => 1), 1)
  await assert.rejects(
    calls.measure('read', () => Promise.reject(failure)),
    failure,
  )
  await assert.rejects(
    calls.measure('write', () => Promise.reject(refusal)),
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

const stand = (ms: number) => {
  for (const until = performance.now() + ms; performance.now() < until; );
}

test('a time limit expires once, after its time', async () => {
  const start = performance.now()
  let times = 0
  await new Promise<void>((resolve) =>
    timeLimit(40, () => {
      times += 1
      resolve()
    }),
  )
  assert.ok(performance.now() - start >= 36)
  assert.equal(times, 1)
})

test('a cancelled limit never expires', async () => {
  let isLate = false
  const lift = timeLimit(20, () => {
    isLate = true
  })
  lift()
  await new Promise<void>((resolve) => timeLimit(60, resolve))
  assert.equal(isLate, false)
})

test('after a process was suspended for longer than the limit, most of the limit remains', async () => {
  let isLate = false
  const lift = timeLimit(200, () => {
    isLate = true
  })
  stand(400)
  await new Promise<void>((resolve) => setTimeout(resolve, 20)) // data that arrived meanwhile is read
  assert.equal(isLate, false)
  lift()
})
