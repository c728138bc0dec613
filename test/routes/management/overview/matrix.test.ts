import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { after, before, test } from 'node:test'
import { sql } from 'drizzle-orm'
import { type Listening, openListening } from '../../../support/listening.ts'
import { ADMIN_KEY } from '../../../support/service.ts'

const PROJECT = '/api/v1/projects/shop'
const SWITCH = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off' }
const TENTH = {
  ...SWITCH,
  targeting: {
    fractional: [
      ['on', 10],
      ['off', 90],
    ],
  },
}
/** Each test reads usage anew: it is cached for some seconds. */
let now = Date.now()
let it: Listening
before(async () => {
  it = await openListening({ dependencies: { now: () => now } })
  await it.service.call('POST', '/api/v1/projects', { body: { key: 'shop' } })
  for (const key of ['live', 'test']) await it.service.call('POST', `${PROJECT}/environments`, { body: { key } })
  for (const [key, body] of [
    ['plain', SWITCH],
    ['rollout', TENTH],
  ] as const)
    assert.equal((await it.service.call('PUT', `${PROJECT}/environments/live/flags/${key}`, { body })).status, 200)
})
after(() => it.close())

const matrix = async (query = '', headers: Record<string, string> = {}) =>
  it.service.call('GET', `${PROJECT}/matrix${query}`, { headers })
const cell = async (flag: string, environment = 'live') => {
  now += 15_000
  const { flags } = (await matrix()).body
  return flags.find(({ key }: { key: string }) => key === flag).environments[environment]
}
const write = (statement: ReturnType<typeof sql>) => it.service.store.database.write((tx) => tx.execute(statement))
/** Makes all flags as old as `days`. */
const age = async (days: number) => {
  await write(sql`update flagstaff.flags set created_at = now() - make_interval(days => ${days})`)
  await write(sql`update flagstaff.definitions set changed_at = now() - make_interval(days => ${days})`)
}

test('the matrix has each flag in each environment, with what is served there in words', async () => {
  const { status, body } = await matrix()
  assert.equal(status, 200)
  assert.deepEqual(
    body.environments.map(({ key, position, revision }: Record<string, unknown>) => [key, position, revision]),
    [
      ['live', 0, 3],
      ['test', 1, 1],
    ],
  )
  const [plain, rollout] = body.flags
  assert.deepEqual([plain.key, plain.type, plain.permanent, plain.archivedAt], ['plain', 'boolean', false, null])
  const unused = { lastEvaluatedAt: null, stale: null }
  assert.deepEqual(plain.environments, {
    live: { revision: 2, state: 'off', served: 'off', variant: 'off', ...unused },
    test: { revision: 0, state: 'absent', served: 'not defined', variant: null, ...unused },
  })
  const partial = { revision: 3, state: 'partial', served: 'on for 10 %', variant: null, ...unused }
  assert.deepEqual(rollout.environments.live, partial)
  assert.equal(body.next, null)
})

test('a change is in the next matrix', async () => {
  const path = `${PROJECT}/environments/live/flags/plain`
  const before = await matrix()
  await it.service.call('PATCH', path, { body: { defaultVariant: 'on' } })
  const changed = await matrix()
  assert.notEqual(changed.headers.get('etag'), before.headers.get('etag'))
  assert.equal(changed.body.flags[0].environments.live.state, 'on')
  await it.service.call('PATCH', `${PROJECT}/flags/plain`, { body: { owner: 'ada' } })
  assert.equal((await matrix()).body.flags[0].owner, 'ada')
})

test('environments, limit and after restrict it; an unknown environment is not found', async () => {
  const part = await matrix('?environments=test&limit=1')
  assert.deepEqual(Object.keys(part.body.flags[0].environments), ['test'])
  assert.deepEqual([part.body.flags.length, part.body.next], [1, 'plain'])
  const rest = await matrix('?after=plain')
  assert.deepEqual(
    rest.body.flags.map(({ key }: { key: string }) => key),
    ['rollout'],
  )
  assert.equal((await matrix('?environments=moon')).status, 404)
  assert.equal((await matrix('?limit=5001')).status, 400)
})

test('a key of one environment reads that environment only', async () => {
  const environment = { project: 'shop', environment: 'test' }
  const { secret: key } = (
    await it.service.call('POST', '/api/v1/keys', { body: { name: 'reader', role: 'viewer', environment } })
  ).body
  const read = (query: string) => it.service.call('GET', `${PROJECT}/matrix${query}`, { key })
  for (const query of ['', '?environments=test']) {
    const { status, body } = await read(query)
    assert.equal(status, 200)
    assert.deepEqual(
      body.environments.map(({ key }: { key: string }) => key),
      ['test'],
    )
    assert.deepEqual(Object.keys(body.flags[0].environments), ['test'])
  }
  for (const query of ['?environments=live', '?environments=test,live']) assert.equal((await read(query)).status, 403)
})

test('over the socket it is compressed where accepted, and 304 for the same ETag', async () => {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'accept-encoding': 'gzip' }
  const response = await fetch(`${it.address}${PROJECT}/matrix`, { headers })
  assert.equal(response.headers.get('content-encoding'), 'gzip')
  assert.equal(((await response.json()) as { flags: unknown[] }).flags.length, 2)
  const etag = response.headers.get('etag') ?? ''
  const again = await fetch(`${it.address}${PROJECT}/matrix`, { headers: { ...headers, 'if-none-match': etag } })
  assert.deepEqual([again.status, await again.text()], [304, ''])
})

test('evaluations of the last 24 hours are counted by hour, and each stored batch counts', async () => {
  const evaluate = (key: string) =>
    it.service.call('POST', `/ofrep/v1/evaluate/flags/${key}`, {
      body: { context: { targetingKey: 'ada' } },
      headers: { 'flagd-selector': 'flagSetId=shop/live' },
    })
  for (const key of ['plain', 'plain', 'rollout']) await evaluate(key)
  await it.service.usage.drain(AbortSignal.timeout(5_000))
  const { evaluations24h, lastEvaluatedAt } = await cell('plain')
  assert.deepEqual([evaluations24h.length, evaluations24h.reduce((sum: number, n: number) => sum + n)], [24, 2])
  assert.ok(Math.abs(Date.parse(lastEvaluatedAt) - Date.now()) < 60_000)
  assert.equal((await cell('plain', 'test')).evaluations24h, undefined)
})

test('stale flags are those that were not evaluated for long, or gave one answer, where nothing evaluates in process', async () => {
  assert.equal((await cell('plain')).stale, null, 'young')
  await age(31)
  assert.equal((await cell('plain')).stale, 'one_answer')
  const flag = sql`(select id from flagstaff.flags where key = 'plain')`
  const live = sql`(select id from flagstaff.environments where key = 'live')`
  await write(sql`insert into flagstaff.last_variants values (${live}, ${flag}, 'other', now() - interval '1 day')`)
  assert.equal((await cell('plain')).stale, null, 'two answers')
  await write(sql`update flagstaff.last_evaluations set at = now() - interval '40 days' where flag_id = ${flag}`)
  assert.equal((await cell('plain')).stale, 'not_evaluated')
  await write(sql`delete from flagstaff.last_evaluations where flag_id = ${flag}`)
  assert.equal((await cell('plain')).stale, 'never_evaluated')
  await write(sql`insert into flagstaff.last_syncs values (${live}, now()) on conflict do nothing`)
  assert.equal((await cell('plain')).stale, null, 'providers evaluate in process, which is not counted')
  await write(sql`delete from flagstaff.last_syncs`)
  await write(sql`update flagstaff.flags set permanent = true where key = 'plain'`)
  assert.equal((await cell('plain')).stale, null, 'permanent')
})

test('a part has at most 50,000 cells, and next leads through all flags', async () => {
  await write(sql`insert into flagstaff.projects (key, name) values ('wide', 'Wide')`)
  await write(sql`
    insert into flagstaff.environments (project_id, key, name, revision)
    select p.id, 'e' || n, 'e' || n, 1 from flagstaff.projects p, generate_series(1, 100) n where p.key = 'wide'`)
  await write(sql`
    insert into flagstaff.flags (project_id, key, type)
    select p.id, 'flag-' || n, 'boolean' from flagstaff.projects p, generate_series(1, 1100) n where p.key = 'wide'`)
  const read = async (query: string) => (await it.service.call('GET', `/api/v1/projects/wide/matrix${query}`)).body
  const keys: string[] = []
  const sizes: number[] = []
  for (let after: string | null = ''; after !== null; ) {
    const { flags, next } = await read(`?after=${after}`)
    sizes.push(flags.length)
    keys.push(...flags.map(({ key }: { key: string }) => key))
    after = next
  }
  assert.deepEqual([sizes, new Set(keys).size], [[500, 500, 100], 1_100])
  const one = await read('?environments=e7')
  assert.deepEqual([one.flags.length, one.next], [1_100, null])
})

test('5,000 flags in 3 environments are read in time', { timeout: 60_000 }, async () => {
  await write(sql`insert into flagstaff.projects (key, name) values ('large', 'Large')`)
  await write(sql`
    insert into flagstaff.environments (project_id, key, name, revision)
    select p.id, e.key, e.key, 1 from flagstaff.projects p, unnest(array['a', 'b', 'c']) as e (key) where p.key = 'large'`)
  await write(sql`
    insert into flagstaff.flags (project_id, key, type, description)
    select p.id, 'flag-' || n, 'boolean', 'Flag number ' || n from flagstaff.projects p, generate_series(1, 5000) n
    where p.key = 'large'`)
  const inLarge = sql`flagstaff.projects p join flagstaff.environments e on e.project_id = p.id
    join flagstaff.flags f on f.project_id = p.id where p.key = 'large'`
  await write(sql`
    insert into flagstaff.definitions (environment_id, flag_id, definition, revision)
    select e.id, f.id, ${JSON.stringify(TENTH)}::json, 1 from ${inLarge}`)
  await write(sql`
    insert into flagstaff.usage (environment_id, flag_id, hour, variant, reason, count)
    select e.id, f.id, date_trunc('hour', now()) - make_interval(hours => h), 'on', 'TARGETING_MATCH', 1000
    from generate_series(0, 23) h cross join ${inLarge} and f.id % 5 = 0`)
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'accept-encoding': 'gzip' }
  const read = () => fetch(`${it.address}/api/v1/projects/large/matrix`, { headers })
  const body: any = await (await read()).json()
  assert.deepEqual([body.flags.length, body.flags[4999].environments.a.served], [5_000, 'on for 10 %'])
  const times: number[] = []
  for (let round = 0; round < 5; round++) {
    const start = performance.now()
    await (await read()).arrayBuffer()
    times.push(performance.now() - start)
  }
  assert.ok(Math.min(...times) < 150, `${times.map(Math.round)} ms`)
})
