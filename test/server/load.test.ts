import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Load } from '../../src/server/load.ts'
import { newCounter } from '../../src/telemetry/metrics.ts'

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
  assert.equal(refuse(request, asked), REFUSAL)
  assert.deepEqual(shed, { concurrency: { value: 1 }, delay: { value: 0 } })
  gates[0].resolve(new Response())
  await answers[0]
  assert.equal(load.size, 1)
  assert.equal(refuse(request, asked), undefined)
  gates[1].resolve(new Response())
  await answers[1]
  assert.equal(load.size, 0)
})

test('Load counts nothing that is answered however much there is to do', () => {
  const { load, shed } = loadOf(1)
  load.begin()
  assert.equal(load.refusing(() => undefined)(request, asked), undefined)
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
  const reply = { status: 200, head: {}, body: '{}' }
  const gate = Promise.withResolvers<void>()
  const evaluating = load.countedWhere((send) => (_, to) => gate.promise.then(() => send(reply, to)))
  const evaluate = evaluating<string, unknown>(({ status }, to) => [status, to, load.size])
  const body = { read: async () => '' }
  const evaluated = { at: 0, method: 'POST', url: '', headers: new Headers(), ...body }
  const sent = evaluate(evaluated, 'there')
  assert.equal(load.size, 1)
  gate.resolve()
  assert.deepEqual(await sent, [200, 'there', 0])
  assert.equal(load.countedWhere(() => () => undefined)(() => 0)(evaluated, undefined), undefined)
  assert.equal(load.size, 0)
})

test('Load of 0 takes any number', () => {
  const { load, refuse } = loadOf(0)
  for (let n = 0; n < 100_000; n += 1) load.begin()
  assert.equal(refuse(request, asked), undefined)
})
