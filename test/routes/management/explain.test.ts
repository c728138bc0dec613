import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openService, type Service } from '../../support/service.ts'

const PROJECT = '/api/v1/projects/shop'
const LIVE = `${PROJECT}/environments/live`
const FLAG = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off' }
const PRO = { if: [{ '==': [{ var: 'plan' }, 'pro'] }, 'on'] }
let service: Service
let clientKey: string
before(async () => {
  service = await openService()
  await service.call('POST', '/api/v1/projects', { body: { key: 'shop' } })
  await service.call('POST', `${PROJECT}/environments`, { body: { key: 'live' } })
  const flags = { plain: FLAG, 'new-checkout': { ...FLAG, targeting: PRO }, timed: { ...FLAG, targeting: AFTER_2026 } }
  assert.equal((await service.call('PUT', `${LIVE}/flagset`, { body: { flags } })).status, 200)
  const environment = { project: 'shop', environment: 'live' }
  const key = await service.call('POST', '/api/v1/keys', { body: { name: 'web', role: 'client', environment } })
  clientKey = key.body.secret
})
after(() => service.close())

const AFTER_2026 = { if: [{ '>=': [{ var: '$flagd.timestamp' }, Date.parse('2026-01-01T00:00:00Z') / 1_000] }, 'on'] }
const explain = (body: object) => service.call('POST', `${LIVE}/explain`, { body })

test('POST …/explain returns the reason for a value, and the value that an evaluation returns', async () => {
  const context = { targetingKey: 'ada', plan: 'free' }
  const { status, headers, body } = await explain({ context, flags: ['new-checkout', 'plain', 'none'] })
  assert.equal(status, 200)
  assert.equal(headers.get('cache-control'), 'no-store')
  const [checkout, plain, none] = body.explanations
  assert.deepEqual(checkout.answer, { reason: 'DEFAULT', value: false, variant: 'off', metadata: {} })
  assert.deepEqual(checkout.decidedBy, { kind: 'default_variant' })
  assert.equal(checkout.rules[0].condition.actual, 'free')
  assert.deepEqual(plain.decidedBy, { kind: 'default_variant' })
  assert.equal(none.answer.errorCode, 'FLAG_NOT_FOUND')
  const evaluated = await service.call('POST', '/ofrep/v1/evaluate/flags/new-checkout', {
    body: { context },
    headers: { 'flagd-selector': 'flagSetId=shop/live' },
  })
  const { key: _, metadata: __, ...answer } = evaluated.body
  assert.deepEqual(checkout.answer, { ...answer, metadata: {} })
})

test('POST …/explain of one flag names the clause that would change its value', async () => {
  const { body } = await explain({ context: { plan: 'free' }, flags: ['new-checkout'] })
  assert.deepEqual(body.explanations[0].changes, [{ pointer: '/targeting/if/0', variant: 'on' }])
})

test('POST …/explain explains a draft and another time, and stores neither', async () => {
  const draft = { ...FLAG, defaultVariant: 'on' }
  const { body } = await explain({ flags: ['plain'], definition: draft })
  assert.equal(body.explanations[0].answer.variant, 'on')
  assert.equal((await service.call('GET', `${LIVE}/flags/plain`)).body.defaultVariant, 'off')
  for (const [at, variant] of [
    ['2025-12-31T23:59:59Z', 'off'],
    ['2026-01-01T00:00:00Z', 'on'],
  ]) {
    const timed = await explain({ flags: ['timed'], at })
    assert.equal(timed.body.explanations[0].answer.variant, variant)
    assert.equal(timed.body.at, new Date(at ?? '').toISOString())
    assert.ok(timed.body.explanations[0].readsClock)
  }
})

test('POST …/explain counts variants over many contexts', async () => {
  const contexts = Array.from({ length: 1_000 }, (_, place) => ({ plan: place % 4 === 0 ? 'pro' : 'free' }))
  const { body } = await explain({ contexts, flags: ['new-checkout', 'none'] })
  assert.deepEqual(body.counts, [
    { key: 'new-checkout', variants: { on: 250, off: 750 }, withoutVariant: 0, errors: 0 },
    { key: 'none', variants: {}, withoutVariant: 0, errors: 1_000 },
  ])
})

test('POST …/explain reads attributes that are named like members of Object.prototype', async () => {
  const targeting = { if: [{ '==': [{ var: 'constructor' }, 'x'] }, 'on'] }
  const { body } = await explain({
    context: { constructor: 'x' },
    flags: ['plain'],
    definition: { ...FLAG, targeting },
  })
  assert.equal(body.explanations[0].answer.variant, 'on')
})

for (const [body, pointer] of [
  [{}, '/flags'],
  [{ flags: [] }, '/flags'],
  [{ flags: Array(101).fill('a') }, '/flags'],
  [{ flags: ['a'], contexts: Array(1_001).fill({}) }, '/contexts'],
  [{ flags: ['a'], context: [] }, '/context'],
  [{ flags: ['a'], at: '2026-02-30T00:00:00Z' }, '/at'],
  [{ flags: ['a', 'b'], definition: FLAG }, '/flags'],
  [{ flags: ['a'], definition: { ...FLAG, variants: 1 } }, '/definition/variants'],
] as const)
  test(`POST …/explain refuses ${JSON.stringify(body).slice(0, 80)}`, async () => {
    const { status, body: problem } = await explain(body)
    assert.equal(status, 400)
    assert.equal(problem.errors[0].pointer, pointer)
  })

test('POST …/explain needs a viewer, and an environment that exists', async () => {
  const path = `${LIVE}/explain`
  assert.equal((await service.call('POST', path, { key: clientKey, body: { flags: ['plain'] } })).status, 403)
  assert.equal((await service.call('POST', path, { key: null, body: { flags: ['plain'] } })).status, 401)
  const unknown = `${PROJECT}/environments/none/explain`
  assert.equal((await service.call('POST', unknown, { body: { flags: ['plain'] } })).status, 404)
})
