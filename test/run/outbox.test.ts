import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Outbox } from '../../src/run/outbox.ts'
import { Spool } from '../../src/telemetry/spool.ts'

/** An outbox whose batches arrive, or not, when the test says so. */
function open({ capacity = 8, batchMax = 2, delayMs = 60_000 } = {}) {
  const spool = new Spool<number>(capacity)
  const sent: { batch: readonly number[]; arrive: () => void; fail: (cause: unknown) => void }[] = []
  const failures: number[] = []
  let next = Promise.withResolvers<void>()
  const outbox = new Outbox(spool, {
    batchMax,
    delayMs,
    send: (batch) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      sent.push({ batch, arrive: resolve, fail: reject })
      next.resolve()
      next = Promise.withResolvers<void>()
      return promise
    },
    onFailure: (_cause, count) => failures.push(count),
  })
  return { spool, sent, failures, outbox, isSending: () => next.promise }
}

test('a whole batch leaves at once, the rest when it has waited long enough', async () => {
  const it = open({ delayMs: 5 })
  for (const item of [1, 2, 3]) it.spool.push(item)
  assert.deepEqual(
    it.sent.map(({ batch }) => batch),
    [[1, 2]],
  )
  const second = it.isSending()
  it.sent[0]?.arrive()
  await second
  assert.deepEqual(it.sent[1]?.batch, [3])
})

test('one batch is on its way at a time: what comes meanwhile waits, and the oldest of that makes room', async () => {
  const it = open({ capacity: 3 })
  for (let item = 1; item <= 8; item += 1) it.spool.push(item)
  assert.equal(it.sent.length, 1)
  assert.deepEqual([it.spool.size, it.spool.dropped.value], [3, 3])
  const second = it.isSending()
  it.sent[0]?.arrive()
  await second
  assert.deepEqual(it.sent[1]?.batch, [6, 7])
})

test('a batch that did not arrive is counted, and the next is tried', async () => {
  const it = open()
  for (const item of [1, 2, 3, 4]) it.spool.push(item)
  const second = it.isSending()
  it.sent[0]?.fail(new Error('refused'))
  await second
  assert.deepEqual(it.failures, [2])
  assert.equal(it.spool.dropped.value, 2)
  assert.deepEqual(it.sent[1]?.batch, [3, 4])
})

test('drain() sends all that waits, after what is on its way', async () => {
  const it = open()
  for (const item of [1, 2, 3]) it.spool.push(item)
  const drained = it.outbox.drain()
  const second = it.isSending()
  it.sent[0]?.arrive()
  await second
  assert.deepEqual(it.sent[1]?.batch, [3])
  it.sent[1]?.arrive()
  await drained
  assert.equal(it.spool.size, 0)
})

test('drain() has one batch on its way at a time, too, whatever comes meanwhile', async () => {
  const it = open({ delayMs: 1 })
  it.spool.push(1)
  const drained = it.outbox.drain()
  for (const item of [2, 3, 4]) it.spool.push(item)
  for (const [at, batch] of [[1], [2, 3], [4]].entries()) {
    await sleep(10) // in which a timer would have sent what waits
    assert.deepEqual([it.sent.length, it.sent[at]?.batch], [at + 1, batch])
    it.sent[at]?.arrive()
  }
  await drained
  assert.equal(it.sent.length, 3)
})

test('the spool is told of each batch when it has arrived, or never will', async () => {
  const it = open()
  const done: (readonly number[])[] = []
  it.spool.done = (batch) => void done.push(batch)
  for (const item of [1, 2, 3, 4]) it.spool.push(item)
  const drained = it.outbox.drain()
  assert.deepEqual(done, [])
  const second = it.isSending()
  it.sent[0]?.fail(new Error('refused'))
  await second
  assert.deepEqual(done, [[1, 2]])
  it.sent[1]?.arrive()
  await drained
  assert.deepEqual(done, [
    [1, 2],
    [3, 4],
  ])
})
