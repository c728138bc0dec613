import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hono } from 'hono'
import { front } from '../../src/routes/ofrep/front.ts'
import { RequestDurations } from '../../src/telemetry/metrics.ts'
import { doorsOver } from '../support/ofrep.ts'

const on = { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on' }
const databaseHealth = { isLoaded: true, trouble: undefined, since: undefined }
const health = {
  isStopping: () => false,
  warmUp: async () => undefined,
  databaseHealth,
  database: { isReadOnly: false },
  now: () => 0,
}
const dependencies = {
  ...doorsOver({ 'shop/live': { flags: { plain: on } } }),
  corsOrigins: undefined,
  health,
  trialFlagSetId: undefined,
}
const evaluation = () =>
  new Request('http://localhost/ofrep/v1/evaluate/flags/plain', {
    method: 'POST',
    headers: { authorization: 'Bearer shop/live' },
    body: '{}',
  })
const get = (path: string, method = 'GET') => new Request(`http://localhost${path}`, { method })

/** A front whose app says how often it was loaded. */
function counted(load: () => Promise<Hono> = async () => new Hono().all('*', (c) => c.text(c.req.path))) {
  const counts = { loads: 0 }
  const requests = new RequestDurations()
  const logged: unknown[] = []
  const { fetch } = front(
    { ...dependencies, notes: { requests }, log: (message, fields) => logged.push([message, fields?.['error']]) },
    () => {
      counts.loads += 1
      return load()
    },
  )
  return { counts, requests, logged, fetch }
}

test('front() answers evaluations and probes without its app, and counts them', async () => {
  const { counts, requests, fetch } = counted()
  assert.equal((await fetch(evaluation())).status, 200)
  for (const path of ['/livez', '/health', '/startupz', '/readyz', '/ready?verbose']) {
    const answer = await fetch(get(path))
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'application/json'], path)
  }
  assert.equal(counts.loads, 0)
  assert.deepEqual(
    Array.from(requests.recorded.all(), ({ labels }) => labels['route']),
    ['/ofrep/v1/evaluate/flags/:key', '/livez', '/health', '/startupz', '/readyz', '/ready'],
  )
})

test('front() loads its app once, with the first request that is neither', async () => {
  const { counts, fetch } = counted()
  const answers = await Promise.all(
    [get('/elsewhere'), get('/livez/'), get('/livez', 'HEAD')].map((each) => fetch(each)),
  )
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  )
  assert.equal(await answers[0]?.text(), '/elsewhere')
  assert.equal(counts.loads, 1)
})

test('front() answers 500 and logs it when its app cannot be loaded, and evaluates all the same', async () => {
  const failure = new Error('no such module')
  const { logged, fetch } = counted(() => Promise.reject(failure))
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  for (let times = 0; times < 2; times++) {
    const answer = await fetch(new Request('http://localhost/docs', { headers: { traceparent } }))
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [500, 'application/problem+json'])
    const { code, traceId } = (await answer.json()) as { code: string; traceId: string }
    assert.deepEqual([code, traceId], ['internal', '4bf92f3577b34da6a3ce929d0e0e4736'])
  }
  assert.deepEqual(logged, Array(2).fill(['Unexpected error', failure]))
  assert.equal((await fetch(evaluation())).status, 200)
})
