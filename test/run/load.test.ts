import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Load } from '../../src/run/load.ts'
import { newCounter } from '../../src/telemetry/tally.ts'

const REFUSAL = { status: 503, headers: {}, body: 'no' }
const request = new Request('http://localhost/')
const asked = () => ({ url: '/', header: () => null })

function loadOf(requestsMax: number) {
  const shed = { concurrency: newCounter(), delay: newCounter() }
  const load = new Load({ requestsMax, delayMsMax: 0, now: () => 0, after: () => undefined, shed })
  return { load, shed, refuse: load.refusing(() => REFUSAL) }
}

test('Load refuses a request above the bound, counts it, and takes the next when one is answered', async () => {
  const { load, shed, refuse } = loadOf(2)
  const gates = [Promise.withResolvers<Response>(), Promise.withResolvers<Response>()] as const
  const answers = gates.map(({ promise }) => load.counted(() => promise)(request))
  assert.equal(load.size, 2)
  assert.equal(refuse(asked), REFUSAL)
  assert.deepEqual(shed, { concurrency: { value: 1 }, delay: { value: 0 } })
  gates[0].resolve(new Response())
  await answers[0]
  assert.equal(load.size, 1)
  assert.equal(refuse(asked), undefined)
  gates[1].resolve(new Response())
  await answers[1]
  assert.equal(load.size, 0)
})

test('Load counts nothing that is answered however much there is to do', () => {
  const { load, shed } = loadOf(1)
  load.begin()
  assert.equal(load.refusing(() => undefined)(asked), undefined)
  assert.equal(shed.concurrency.value, 0)
})

test('Load forgets a request that fails, and one that is answered at once', async () => {
  const { load } = loadOf(1)
  await assert.rejects(async () => load.counted(() => Promise.reject(new Error('broken')))(request), /broken/)
  assert.equal(load.size, 0)
  const answer = new Response()
  assert.equal(load.counted(() => answer)(request), answer)
  assert.equal(load.size, 0)
})

test('Load counts what is evaluated until its reply is sent, and leaves alone what is not', async () => {
  const { load } = loadOf(1)
  const reply = { status: 200, head: { record: {}, headers: new Headers() }, body: '{}' }
  const gate = Promise.withResolvers<void>()
  const evaluate = load.countedWhere((_, send) => gate.promise.then(() => send(reply)))
  const evaluated = { method: 'POST', url: '', headers: new Headers(), read: async () => '', isWhole: () => true }
  const sent = evaluate(evaluated, ({ status }) => [status, load.size])
  assert.equal(load.size, 1)
  gate.resolve()
  assert.deepEqual(await sent, [200, 0])
  assert.equal(
    load.countedWhere(() => undefined)(evaluated, () => 0),
    undefined,
  )
  assert.equal(load.size, 0)
})

test('Load of 0 takes any number', () => {
  const { load, refuse } = loadOf(0)
  for (let n = 0; n < 100_000; n += 1) load.begin()
  assert.equal(refuse(asked), undefined)
})
