import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as endOfTurn } from 'node:timers/promises'
import { ConcurrencyLimit } from '../../src/server/requests.ts'
import { newCounter } from '../../src/telemetry/metrics.ts'

const request = new Request('http://localhost/')
const REFUSAL = new Response(null, { status: 503 })
const refuse = () => REFUSAL

function limitOf(requestsMax: number) {
  const shed = newCounter()
  return { limit: new ConcurrencyLimit({ requestsMax, shed }), shed }
}

test('ConcurrencyLimit refuses and counts a request above the limit, and accepts the next after a response', async () => {
  const { limit, shed } = limitOf(2)
  const gates = [Promise.withResolvers<Response>(), Promise.withResolvers<Response>()] as const
  let next = 0
  const fetch = limit.wrap(() => gates[next++]?.promise ?? new Response(), refuse)
  const responses = [fetch(request), fetch(request)]
  assert.equal(limit.size, 2)
  assert.equal(fetch(request), REFUSAL)
  assert.equal(shed.value, 1)
  gates[0].resolve(new Response())
  await responses[0]
  assert.equal(limit.size, 1)
  await endOfTurn()
  assert.notEqual(fetch(request), REFUSAL)
  gates[1].resolve(new Response())
  await responses[1]
  assert.equal(limit.size, 0)
  assert.equal(shed.value, 1)
})

/** Blocks the event loop, as an evaluation of many flags does. */
function work(ms: number): Response {
  const until = performance.now() + ms
  while (performance.now() < until);
  return new Response()
}

test('ConcurrencyLimit counts all requests of one turn of the event loop, including those that never wait', async () => {
  const { limit, shed } = limitOf(10)
  const fetch = limit.wrap(async () => work(1), refuse)
  for (let turn = 0; turn < 3; turn += 1) {
    for (let n = 0; n < 10; n += 1) assert.notEqual(await fetch(request), REFUSAL)
    for (let n = 0; n < 10; n += 1) assert.equal(fetch(request), REFUSAL)
    assert.equal(limit.size, 0)
    await endOfTurn()
  }
  assert.equal(shed.value, 30)
})

test('ConcurrencyLimit refuses none of many short requests in one turn, as from clients with a new connection for each', async (t) => {
  const { now } = performance
  t.after(() => {
    performance.now = now
  })
  let ms = 0
  performance.now = () => ms // a busy machine would make them long
  const { limit, shed } = limitOf(10)
  const respond = async () => {
    ms += 0.1
    return new Response()
  }
  const fetch = limit.wrap(respond, refuse)
  for (let n = 0; n < 300; n += 1) assert.notEqual(await fetch(request), REFUSAL)
  assert.equal(shed.value, 0)
})

test('ConcurrencyLimit serves exempt requests above the limit, and counts no refusal', async () => {
  const { limit, shed } = limitOf(1)
  limit.begin()
  assert.equal(
    (
      await limit.wrap(
        () => new Response(),
        () => undefined,
      )(request)
    ).status,
    200,
  )
  assert.equal(shed.value, 0)
})

test('ConcurrencyLimit releases the place of a request that fails', async () => {
  const { limit } = limitOf(1)
  await assert.rejects(async () => limit.wrap(() => Promise.reject(new Error('broken')), refuse)(request), /broken/)
  const broken = limit.wrap(() => {
    throw new Error('broken')
  }, refuse)
  await endOfTurn()
  assert.throws(() => broken(request), /broken/)
  assert.equal(limit.size, 0)
})

test('ConcurrencyLimit of 0 accepts any number', () => {
  const { limit } = limitOf(0)
  for (let n = 0; n < 100_000; n += 1) limit.begin()
  assert.equal(limit.reached(), undefined)
})
