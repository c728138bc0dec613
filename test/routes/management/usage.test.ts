import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openService, type Service } from '../../support/service.ts'

const HOUR_MS = 3_600_000
/** A recent hour, because old usage is deleted. */
const HOUR = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 100 * HOUR_MS
/** The time `hours` after `HOUR`, plus `ms`. */
const at = (hours: number, ms = 0) => new Date(HOUR + hours * HOUR_MS + ms).toISOString()
const MINUTES = 34 * 60_000 + 56_000
const PROJECT = '/api/v1/projects/shop'
const LIVE = `${PROJECT}/environments/live`
let service: Service
let now = HOUR + MINUTES + 789
before(async () => {
  service = await openService({ dependencies: { now: () => now } })
  await call('POST', '/api/v1/projects', { body: { key: 'shop' } })
  await call('POST', `${PROJECT}/environments`, { body: { key: 'live' } })
  const flag = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
  const ruled = { ...flag, targeting: { var: 'wanted' } }
  for (const [key, body] of Object.entries({ plain: flag, ruled }))
    assert.equal((await call('PUT', `${LIVE}/flags/${key}`, { body })).status, 200)
})
after(() => service.close())

const call: Service['call'] = (...given) => service.call(...given)
const evaluate = (key: string, context: object = {}, headers: Record<string, string> = {}) =>
  call('POST', `/ofrep/v1/evaluate/flags${key && `/${key}`}`, {
    body: { context },
    headers: { 'flagd-selector': 'flagSetId=shop/live', ...headers },
  })
const usage = async (key: string, query = '') => (await call('GET', `${LIVE}/flags/${key}/usage${query}`)).body

test('evaluations are counted by hour, variant and reason: single, bulk and unchanged bulk, once for each flag', async () => {
  assert.deepEqual(await usage('ruled'), {
    from: at(-24),
    to: at(0, MINUTES + 789),
    total: 0,
    unattributed: 0,
    lastEvaluatedAt: null,
    syncedInProcessAt: null,
    items: [],
  })
  for (const context of [{}, {}, { wanted: 'off' }, { wanted: 'none' }]) await evaluate('ruled', context)
  assert.equal((await evaluate('invented')).status, 404)
  const bulk = await evaluate('')
  now += HOUR_MS
  assert.equal((await evaluate('', {}, { 'if-none-match': bulk.headers.get('etag') ?? '' })).status, 304)
  assert.deepEqual(await usage('ruled'), {
    from: at(-23),
    to: at(1, MINUTES + 789),
    total: 6,
    unattributed: 0,
    lastEvaluatedAt: at(1, MINUTES),
    syncedInProcessAt: null,
    items: [
      { hour: at(0), variant: null, reason: 'GENERAL', count: 1 },
      { hour: at(0), variant: 'off', reason: 'TARGETING_MATCH', count: 1 },
      { hour: at(0), variant: 'on', reason: 'DEFAULT', count: 3 },
      { hour: at(1), variant: 'on', reason: 'DEFAULT', count: 1 },
    ],
  })
  assert.equal((await usage('plain')).total, 2)
})

test('the range contains whole hours, from its start and before its end', async () => {
  for (const [from, to, total] of [
    [at(0, HOUR_MS - 1), at(1), 5],
    [at(1, HOUR_MS - 1), at(2), 1],
    [at(-600), at(0), 0],
  ] as const)
    assert.equal((await usage('ruled', `?from=${from}&to=${to}`)).total, total, from)
})

for (const query of [
  `?from=${at(2)}`,
  '?from=2026-02-01T00:00:00Z&to=2026-02-01T00:00:00Z',
  '?from=2026-01-01T00:00:00Z&to=2026-02-02T00:00:00Z',
  '?from=yesterday',
  '?to=2026-13-01T00:00:00Z',
  '?to=9999-12-31T23:59:59Z&from=0000-01-01T00:00:00Z',
])
  test(`the usage of the range ${query} is refused`, async () =>
    assert.equal((await call('GET', `${LIVE}/flags/plain/usage${query}`)).status, 400))

test('the usage of a flag or an environment that does not exist is not found', async () => {
  assert.equal((await call('GET', `${LIVE}/flags/invented/usage`)).status, 404)
  assert.equal((await call('GET', `${PROJECT}/environments/none/flags/plain/usage`)).status, 404)
})

test('flags and definitions have the time of their last evaluation', async () => {
  const last = at(1, MINUTES)
  await call('POST', `${PROJECT}/flags`, { body: { key: 'unused', type: 'boolean' } })
  const seen = (body: { items: { key: string; lastEvaluatedAt: string | null }[] }) =>
    body.items.map(({ key, lastEvaluatedAt }) => [key, lastEvaluatedAt])
  const all = [
    ['plain', last],
    ['ruled', last],
  ]
  assert.deepEqual(seen((await call('GET', `${LIVE}/flags`)).body), all)
  assert.deepEqual(seen((await call('GET', `${PROJECT}/flags`)).body), [...all, ['unused', null]])
  assert.equal((await call('GET', `${PROJECT}/flags/plain`)).body.lastEvaluatedAt, last)
  assert.equal((await call('GET', `${PROJECT}/flags/unused`)).body.lastEvaluatedAt, null)
  const patched = await call('PATCH', `${PROJECT}/flags/plain`, { body: { owner: 'ada' } })
  assert.equal(patched.body.lastEvaluatedAt, last)
})
