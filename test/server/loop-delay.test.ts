import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoopDelay } from '../../src/server/loop-delay.ts'

const MAX_MS = 100
const MANY = 1_000

/** A loop whose time passes when it is told to, and whose timers run when it turns. */
function loopOf(delayMsMax = MAX_MS) {
  let at = 5_000
  let timers: { due: number; run: () => void }[] = []
  const delay = new LoopDelay({
    delayMsMax,
    now: () => at,
    after: (ms, run) => timers.push({ due: at + ms, run }),
  })
  /** One request that takes so long; false when it is refused. */
  const request = (ms = 0) => {
    if (delay.isTooLong()) return false
    delay.ask()
    at += ms
    return true
  }
  /** How many of `count` requests that wait at once are let in. */
  const requests = (count: number, ms: number) =>
    Array.from({ length: count }, () => request(ms)).filter(Boolean).length
  const turn = () => {
    const due = timers.filter((timer) => timer.due <= at)
    timers = timers.filter((timer) => timer.due > at)
    for (const { run } of due) run()
  }
  const idle = (ms: number) => {
    for (const end = at + ms; at < end; at += 1) turn()
  }
  const pass = (ms: number) => {
    at += ms
  }
  return { request, requests, turn, idle, pass, timers: () => timers.length }
}

test('LoopDelay sets no timer without requests, one for many, and none after the last', () => {
  const { requests, idle, timers } = loopOf()
  assert.equal(timers(), 0)
  requests(10, 0)
  assert.equal(timers(), 1)
  idle(21)
  assert.equal(timers(), 1, 'there were requests')
  idle(21)
  assert.equal(timers(), 0)
  idle(1_000)
  assert.equal(timers(), 0)
})

test('LoopDelay lets all requests in while the loop keeps up', () => {
  const { requests, turn, idle } = loopOf()
  for (let n = 0; n < 100; n += 1) {
    assert.equal(requests(10, 9), 10)
    turn()
    idle(10)
  }
})

test('LoopDelay refuses nobody for one long piece of work, nor after a process was frozen', () => {
  const { request, requests, turn, pass } = loopOf()
  assert.ok(request(400))
  assert.equal(requests(60, 0.5), 60, 'what came meanwhile')
  turn()
  assert.equal(requests(60, 0.5), 60)
  turn()
  pass(3_600_000)
  assert.equal(requests(60, 0.5), 60)
  turn()
  assert.equal(requests(60, 0.5), 60)
})

test('LoopDelay lets each turn of a strained loop in for so long, and refuses the rest of it', () => {
  const { requests, turn } = loopOf()
  requests(50, 3) // strained: 130 ms late
  turn()
  for (let n = 0; n < 10; n += 1) {
    const served = requests(50, 3)
    assert.ok(served >= 40 && served <= 41, `${served} of 3 ms until 20 and ${MAX_MS} ms have passed`)
    turn()
  }
})

test('LoopDelay refuses nobody of those who waited while a strained loop stood still', () => {
  const { requests, turn, pass } = loopOf()
  requests(50, 3)
  turn()
  for (let n = 0; n < 10; n += 1) {
    assert.equal(requests(50, 0.1), 50)
    pass(300)
    assert.equal(requests(50, 0.1), 50)
    turn()
  }
})

test('LoopDelay is strained within a turn in which many come, as no timer runs between those', () => {
  const { requests } = loopOf()
  const served = requests(MANY, 1)
  assert.ok(served > MAX_MS && served < 3 * MAX_MS, `${served}`)
})

test('LoopDelay refuses for a quarter of the time that it let in, and no longer, when no timer ever runs', () => {
  const { request, pass } = loopOf()
  let served = 0
  let refused = 0
  for (let n = 0; n < 100_000; n += 1)
    if (request(1)) served += 1
    else {
      refused += 1
      pass(0.1)
    }
  const [letInMs, refusedMs] = [served, refused * 0.1]
  assert.ok(refused > 0 && letInMs > 3.9 * refusedMs && letInMs < 4.5 * refusedMs, `${letInMs} and ${refusedMs} ms`)
})

test('LoopDelay stays strained for a second after it was late by half as much, and no longer', () => {
  const { requests, turn, idle } = loopOf()
  const isStrained = () => {
    const served = requests(100, 3) // 300 ms in one turn, of which a loop that is not strained notices only the 64th
    return served < 60
  }
  const lateBy = (ms: number) => {
    requests(1, 0)
    requests(1, ms + 20)
    turn()
  }
  lateBy(MAX_MS + 10)
  for (let n = 0; n < 10; n += 1) {
    idle(900)
    lateBy(MAX_MS / 2 + 10)
  }
  idle(700)
  assert.ok(isStrained(), 'after ten seconds in which it was never late by the whole')
  turn()
  lateBy(MAX_MS + 10)
  idle(1_100)
  lateBy(MAX_MS - 10)
  assert.ok(!isStrained())
})

test('LoopDelay of 0 refuses nobody and sets no timer', () => {
  const { requests, timers } = loopOf(0)
  assert.equal(requests(10_000, 10), 10_000)
  assert.equal(timers(), 0)
})
