import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, beforeEach, test } from 'node:test'
import { sql } from 'drizzle-orm'
import { type Listening, openListening } from '../../../support/listening.ts'
import { ADMIN_KEY } from '../../../support/service.ts'

// Stale flags with their evidence, over a socket and against Postgres. Ages are made by moving times in the database.

let it: Listening
let made = 0
let name: string
let project: string
before(async () => {
  it = await openListening()
})
beforeEach(async () => {
  made += 1
  name = `p${made}`
  project = `/api/v1/projects/${name}`
  await call('POST', '/api/v1/projects', { key: name })
  for (const key of ['prod', 'dev']) await call('POST', `${project}/environments`, { key })
})
after(() => it.close())

async function call(method: string, target: string, body?: unknown, key = ADMIN_KEY) {
  const response = await fetch(`${it.address}${target}`, {
    method,
    headers: { 'x-api-key': key, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const answer: any = await response.json().catch(() => undefined)
  return { status: response.status, body: answer }
}

const on = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
const split = { ...on, targeting: { if: [{ var: 'beta' }, 'on', 'off'] } }
const put = async (flag: string, definition: object = split, environment = 'prod') => {
  const written = await call('PUT', `${project}/environments/${environment}/flags/${flag}`, definition)
  assert.equal(written.status, 200, JSON.stringify(written.body))
}
const execute = (query: ReturnType<typeof sql>) => it.service.store.database.write((tx) => tx.execute(query))
const idOf = (key: string) => sql`(select f.id from flagstaff.flags f join flagstaff.projects p on p.id = f.project_id
  where p.key = ${name} and f.key = ${key})`
const environmentId = (
  key = 'prod',
) => sql`(select e.id from flagstaff.environments e join flagstaff.projects p on p.id = e.project_id
  where p.key = ${name} and e.key = ${key})`
const days = (count: number) => sql`now() - make_interval(secs => ${count * 86_400})`
/** Makes a flag older: it was created and changed so many days ago. */
async function age(key: string, created: number, changed = created) {
  await execute(sql`update flagstaff.flags set created_at = ${days(created)} where id = ${idOf(key)}`)
  await execute(sql`update flagstaff.definitions set changed_at = ${days(changed)} where flag_id = ${idOf(key)}`)
}
const served = (key: string, variant: string, ago: number, environment = 'prod') =>
  execute(sql`insert into flagstaff.last_variants (environment_id, flag_id, variant, at)
    values (${environmentId(environment)}, ${idOf(key)}, ${variant}, ${days(ago)})`)
const list = async (query = '', key = ADMIN_KEY) => {
  const { status, body } = await call('GET', `${project}/stale${query}`, undefined, key)
  assert.equal(status, 200, JSON.stringify(body))
  return body
}
const statusOf = async (flag: string): Promise<string> => {
  for (const status of ['active', 'new', 'finished', 'abandoned', 'overdue', 'permanent', 'dismissed'])
    if ((await list(`?status=${status}`)).items.some((item: { flag: string }) => item.flag === flag)) return status
  return 'not listed'
}

test('flags that may go are listed with evidence, what to do, and counts of all', async () => {
  for (const key of ['gone', 'done', 'late', 'used', 'fresh']) await put(key, key === 'done' ? on : split)
  await age('gone', 40)
  await age('done', 40)
  await served('done', 'on', 1)
  await execute(sql`insert into flagstaff.usage (environment_id, flag_id, hour, variant, reason, count)
    values (${environmentId()}, ${idOf('done')}, date_trunc('hour', now()), 'on', 'STATIC', 42)`)
  await age('late', 91, 5)
  for (const key of ['late', 'used']) for (const variant of ['on', 'off']) await served(key, variant, 1)
  await age('used', 40)
  const { items, next, counts } = await list()
  assert.deepEqual(
    items.map(({ flag, status, keep }: any) => [flag, status, keep]),
    [
      ['done', 'finished', 'on'],
      ['gone', 'abandoned', undefined],
      ['late', 'overdue', undefined],
    ],
  )
  assert.deepEqual(
    items[0].evidence.map(({ kind, environment, variant, evaluations }: any) => [
      kind,
      environment,
      variant,
      evaluations,
    ]),
    [
      ['constant', 'prod', 'on', undefined],
      ['one-answer', 'prod', 'on', 42],
    ],
  )
  assert.match(items[0].next, /archive it$/)
  assert.deepEqual([next, counts], [null, { finished: 1, abandoned: 1, overdue: 1 }])
  assert.deepEqual([await statusOf('used'), await statusOf('fresh')], ['active', 'new'])
  const flagsOf = async (query: string) => (await list(query)).items.map(({ flag }: { flag: string }) => flag)
  assert.deepEqual(await flagsOf('?evidence=unused'), ['gone'])
  assert.deepEqual(await flagsOf('?evidence=one-answer&environment=dev'), [])
  await call('PATCH', `${project}/flags/late`, { owner: 'ada' })
  assert.deepEqual(await flagsOf('?owner=ada'), ['late'])
  const first = await list('?limit=2')
  assert.equal(first.next, 'gone')
  assert.deepEqual(await flagsOf('?limit=2&after=gone'), ['late'])
})

test('L3: an archived flag is never listed (Unleash#6149)', async () => {
  await put('a')
  await age('a', 100)
  assert.equal(await statusOf('a'), 'abandoned')
  await call('PATCH', `${project}/flags/a`, { archived: true })
  assert.equal(await statusOf('a'), 'not listed')
})

test('L4: thresholds are settings of the project and hold at once (Unleash#4205, Unleash#726)', async () => {
  await put('a')
  await age('a', 20, 5)
  await served('a', 'on', 0.1)
  await served('a', 'off', 0.1)
  assert.equal(await statusOf('a'), 'active')
  const defaults = (await call('GET', `${project}/stale/settings`)).body
  assert.deepEqual(
    [defaults.unusedDays, defaults.lifetimeDays.release, defaults.lifetimeDays.killSwitch],
    [30, 90, null],
  )
  const put_ = (body: object, key = ADMIN_KEY) => call('PUT', `${project}/stale/settings`, body, key)
  const changed = await put_({ lifetimeDays: { release: 10 } })
  assert.deepEqual([changed.body.lifetimeDays.release, changed.body.lifetimeDays.experiment], [10, 90])
  assert.equal(await statusOf('a'), 'overdue')
  await call('PATCH', `${project}/flags/a`, { kind: 'experiment' })
  assert.equal(await statusOf('a'), 'active')
  await call('PATCH', `${project}/flags/a`, { kind: 'permission' })
  assert.equal(await statusOf('a'), 'permanent')
  await put_({})
  assert.deepEqual((await call('GET', `${project}/stale/settings`)).body, defaults)
  for (const body of [{ unusedDays: 0 }, { unusedDays: 1.5 }, { lifetimeDays: { other: 1 } }, { nonsense: 1 }])
    assert.equal((await put_(body)).status, 400, JSON.stringify(body))
  const [record] = (await call('GET', `/api/v1/changes?project=${name}&subject=project`)).body.items
  assert.deepEqual([record.action, record.after], ['update', { stale: {} }])
})

test('a flag has a kind, a date of its own, and may be dismissed until a date, with a reason', async () => {
  const made_ = await call('POST', `${project}/flags`, {
    key: 'a',
    type: 'boolean',
    kind: 'experiment',
    expiresAt: '2026-01-01T00:00:00Z',
  })
  assert.deepEqual([made_.body.kind, made_.body.expiresAt], ['experiment', '2026-01-01T00:00:00.000Z'])
  await put('a')
  await age('a', 20, 1)
  for (const variant of ['on', 'off']) await served('a', variant, 0.1)
  assert.equal(await statusOf('a'), 'overdue')
  const until = new Date(Date.now() + 86_400_000).toISOString()
  const dismissed = { staleDismissedUntil: until, staleDismissedReason: 'we measure until spring' }
  assert.equal((await call('PATCH', `${project}/flags/a`, dismissed)).status, 200)
  const [item] = (await list('?status=dismissed')).items
  assert.deepEqual([item.dismissedUntil, item.dismissedReason], [until, 'we measure until spring'])
  const [record] = (await call('GET', `/api/v1/changes?project=${name}&flag=a&subject=flag`)).body.items
  assert.equal(record.after.staleDismissedReason, 'we measure until spring')
  await call('PATCH', `${project}/flags/a`, { staleDismissedUntil: null, expiresAt: null })
  assert.equal(await statusOf('a'), 'active')
  assert.equal((await call('PATCH', `${project}/flags/a`, { kind: 'other' })).status, 400)
})

test('L8 over the wire: a provider that synchronises is named with its user agent, and "unused" is not claimed (posthog#90214)', async () => {
  await put('a')
  await age('a', 100)
  const scope = { project: name, environment: 'prod' }
  const server = (await call('POST', '/api/v1/keys', { name: 'k', role: 'server', environment: scope })).body.secret
  assert.equal(await statusOf('a'), 'abandoned')
  for (const agent of ['flagd/0.12 (linux)', 'my-app/2'])
    await fetch(`${it.address}/v1/flags`, { headers: { 'x-api-key': server, 'user-agent': agent } })
  await it.service.usage.store()
  const [item] = (await list('?status=overdue')).items
  assert.deepEqual(item.unsure[0].by.toSorted(), ['flagd/0.12', 'my-app/2'])
  assert.deepEqual(
    item.evidence.map(({ kind }: any) => kind),
    ['expired', 'untouched'],
  )
})

test('counts of a client that evaluates in process are added once, however often they are sent', async () => {
  await put('a')
  const scope = { project: name, environment: 'prod' }
  const server = (await call('POST', '/api/v1/keys', { name: 'k', role: 'server', environment: scope })).body.secret
  const to = new Date(Date.now() - 1_000)
  const times = { from: new Date(to.getTime() - 60_000).toISOString(), to: to.toISOString() }
  const counts = [
    { flag: 'a', variant: 'on', reason: 'TARGETING_MATCH', count: 3 },
    { flag: 'a', variant: 'on', reason: 'TARGETING_MATCH', count: 4 },
    { flag: 'none', reason: 'DISABLED', count: 1 },
  ]
  const report = (body: object, key = server) => call('POST', `${project}/environments/prod/usage`, body, key)
  const body = { id: randomUUID(), ...times, counts }
  const results = await Promise.all(Array.from({ length: 8 }, () => report(body)))
  assert.deepEqual(
    results.map(({ status }) => status),
    results.map(() => 200),
  )
  assert.equal(results.filter(({ body: { counted } }) => counted).length, 1)
  assert.deepEqual(results[0]?.body.unknown, ['none'])
  const usage = (await call('GET', `${project}/environments/prod/flags/a/usage?from=${times.from}`)).body
  assert.deepEqual([usage.total, usage.items[0].variant, usage.lastEvaluatedAt !== null], [7, 'on', true])
  assert.equal((await report({ ...body, id: randomUUID() })).body.counted, true)
  const wrong = async (more: object) => (await report({ ...body, id: randomUUID(), ...more })).status
  assert.deepEqual(
    [
      await wrong({ from: times.to, to: times.from }),
      await wrong({ from: new Date(to.getTime() - 3_600_001).toISOString() }),
      await wrong({ from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:10:00Z' }),
      await wrong({ to: new Date(Date.now() + 600_000).toISOString() }),
      await wrong({ id: 'x' }),
      await wrong({ counts: Array.from({ length: 2_001 }, () => counts[0]) }),
      await wrong({ counts: [{ ...counts[0], count: 0 }] }),
      await wrong({ counts: [{ ...counts[0], reason: 'FLAG_NOT_FOUND' }] }),
    ],
    [400, 400, 400, 400, 400, 400, 400, 400],
  )
  const client = (await call('POST', '/api/v1/keys', { name: 'k', role: 'client', environment: scope })).body.secret
  assert.equal((await report(body, client)).status, 403)
})

test('L9: flags are archived together, all or none, under one revision of each environment (bucketeer#2149)', async () => {
  for (const key of ['a', 'b', 'c']) await put(key)
  await put('a', split, 'dev')
  const revisions = async () =>
    Object.fromEntries(
      (await call('GET', `${project}/environments`)).body.items.map((row: any) => [row.key, row.revision]),
    )
  const before = await revisions()
  const archive = (flags: string[], more: object = {}) => call('POST', `${project}/flags/archive`, { flags, ...more })
  const refused = await archive(['a', 'none'])
  assert.deepEqual([refused.status, refused.body.errors[0].pointer], [400, '/flags/1'])
  assert.deepEqual((await archive(['b', 'a'], { dryRun: true })).body, {
    dryRun: true,
    archived: ['a', 'b'],
    unchanged: [],
    revisions: {},
  })
  assert.deepEqual(await revisions(), before)
  await call('PATCH', `${project}/flags/c`, { archived: true })
  const result = (await archive(['a', 'b', 'c'])).body
  assert.deepEqual([result.archived, result.unchanged], [['a', 'b'], ['c']])
  assert.deepEqual(result.revisions, { prod: before['prod'] + 2, dev: before['dev'] + 1 })
  assert.deepEqual(await revisions(), result.revisions)
  const { items } = (await call('GET', `/api/v1/changes?project=${name}&subject=flag&limit=3`)).body
  assert.deepEqual(items.map(({ action, flag }: any) => `${action} ${flag}`).toSorted(), [
    'archive a',
    'archive a',
    'archive b',
  ])
  assert.equal((await call('GET', `${project}/environments/prod/flags/a`)).status, 404)
  const manager = encodeURIComponent('kubernetes:shop/production')
  await put('d')
  await call('PUT', `${project}/environments/prod/managers/${manager}`, { flags: { m: on } })
  const managed = await archive(['d', 'm'])
  assert.deepEqual([managed.status, managed.body.code], [409, 'managed'])
  assert.equal((await call('GET', `${project}/environments/prod/flags/d`)).status, 200)
})

test('a flag that another one needs is not archived without it', async () => {
  await put('a')
  await put('b')
  await execute(
    sql`update flagstaff.definitions set definition = ${JSON.stringify({
      ...on,
      flagstaff: { v: 1, needs: [{ flag: 'a', variants: ['on'] }] },
    })}::json where flag_id = ${idOf('b')}`,
  )
  const archive = (flags: string[]) => call('POST', `${project}/flags/archive`, { flags })
  const refused = await archive(['a'])
  assert.deepEqual([refused.status, refused.body.code, refused.body.inUse], [409, 'in_use', [{ flag: 'a', by: ['b'] }]])
  await age('a', 100)
  const [item] = (await list('?status=overdue')).items
  assert.deepEqual([item.flag, item.held], ['a', [{ kind: 'needed', by: ['b'] }]])
  assert.equal((await archive(['a', 'b'])).status, 200)
})

test('a flag in a group or behind a holdout is held, as the API stores them', async () => {
  const shares = `${project}/environments/prod`
  for (const [path, body] of [
    ['groups/checkout', { slots: [{ slot: 'a', places: 50_000 }] }],
    ['holdouts/quiet', { share: 1_000 }],
  ] as const)
    assert.equal((await call('PUT', `${shares}/${path}`, body)).status, 200)
  const grouped = { group: { name: 'checkout', slot: 'a' } }
  for (const [key, more] of Object.entries({ grouped, quiet: { holdouts: ['quiet'] } })) {
    await put(key, { ...on, flagstaff: { rule: { if: [true, 'on'] }, ...more } })
    await age(key, 100)
  }
  const { items } = await list('')
  const held = items.map(({ flag, held }: { flag: string; held: unknown }) => [flag, held])
  const isGrouped = [{ kind: 'grouped', environment: 'prod' }]
  assert.deepEqual(held, [
    ['grouped', isGrouped],
    ['quiet', isGrouped],
  ])
})

test('segments of needed flags go when the last flag that needs them is archived, alone or with others', async () => {
  const needing = (flag: string) => ({ ...on, flagstaff: { v: 1, needs: [{ flag, variants: ['on'] }] } })
  const generated = async () => {
    const { items } = (await call('GET', `${project}/environments/prod/segments`)).body
    return items.map((segment: any) => segment.name).toSorted()
  }
  await put('a')
  for (const [key, needed] of [
    ['b', 'a'],
    ['c', 'b'],
    ['d', 'a'],
  ] as const)
    await put(key, needing(needed))
  assert.deepEqual(await generated(), ['fs.flag.a', 'fs.flag.b'])
  const refused = await call('POST', `${project}/flags/archive`, { flags: ['b', 'd'] })
  assert.deepEqual([refused.status, refused.body.inUse], [409, [{ flag: 'b', by: ['c'] }]])
  assert.deepEqual(await generated(), ['fs.flag.a', 'fs.flag.b'])
  assert.equal((await call('POST', `${project}/flags/archive`, { flags: ['c', 'b'] })).status, 200)
  assert.deepEqual(await generated(), ['fs.flag.a'])
  assert.equal((await call('PATCH', `${project}/flags/d`, { archived: true })).status, 200)
  assert.deepEqual(await generated(), [])
})

test('evaluations of archived flags are counted until they are restored; those of other keys are not', async () => {
  await put('a')
  const scope = { project: name, environment: 'prod' }
  const client = (await call('POST', '/api/v1/keys', { name: 'k', role: 'client', environment: scope })).body.secret
  const evaluate = (key: string) => call('POST', `/ofrep/v1/evaluate/flags/${key}`, { context: {} }, client)
  const count = async () => {
    await it.service.usage.store()
    return (await call('GET', `${project}/flags/a`)).body.archivedEvaluations
  }
  await evaluate('a')
  assert.equal(await count(), 0)
  await call('PATCH', `${project}/flags/a`, { archived: true })
  await execute(sql`update flagstaff.flags set archived_at = ${days(1)} where id = ${idOf('a')}`)
  for (const key of ['a', 'invented', 'a']) assert.equal((await evaluate(key)).status, 404)
  assert.equal(await count(), 2)
  await evaluate('a')
  assert.equal(await count(), 3)
  const { rows } = await execute(
    sql`select count(*)::int as n from flagstaff.archived_evaluations where environment_id = ${environmentId()}`,
  )
  assert.deepEqual(rows, [{ n: 1 }])
  await call('PATCH', `${project}/flags/a`, { archived: false })
  assert.equal(await count(), 0)
  await call('PATCH', `${project}/flags/a`, { archived: true })
  assert.equal(await count(), 0, 'it begins again')
})

test('L10: a viewer sees the list of its project, without the evidence of other environments (izanami#923)', async () => {
  await put('a', on)
  await put('a', on, 'dev')
  await age('a', 100)
  const scope = { project: name, environment: 'dev' }
  const viewer = (await call('POST', '/api/v1/keys', { name: 'k', role: 'viewer', environment: scope })).body.secret
  const environments = (body: any) => body.items[0].evidence.flatMap(({ environment }: any) => environment ?? [])
  assert.deepEqual(environments(await list('')).toSorted(), ['dev', 'prod'])
  assert.deepEqual(environments(await list('', viewer)), ['dev'])
})

test('L7: the list of stale flags and the list of flags judge alike, also in process and with other thresholds (posthog#95189)', async () => {
  const states = { used: ['on', 'off'], same: ['on'], never: [], young: [] }
  for (const [key, variants] of Object.entries(states)) {
    await put(key)
    if (key !== 'young') await age(key, 40)
    for (const variant of variants) await served(key, variant, 1)
    if (variants.length > 0)
      await execute(sql`insert into flagstaff.last_evaluations (environment_id, flag_id, at)
        values (${environmentId()}, ${idOf(key)}, ${days(1)})`)
  }
  const judgements = async () => {
    const { flags } = (await call('GET', `${project}/matrix?at=${Math.random()}`)).body
    const cells = flags.map(({ key, environments }: any) => [key, environments.prod.stale])
    const listed: [string, string | null][] = []
    for (const status of ['active', 'new', 'finished', 'abandoned', 'overdue', 'permanent'])
      for (const { flag, evidence } of (await list(`?status=${status}`)).items) {
        const kinds = evidence.map(({ kind }: any) => kind)
        const isYoung = status === 'new' || status === 'permanent'
        const kind = kinds.includes('unused') ? 'never_evaluated' : kinds.includes('one-answer') ? 'one_answer' : null
        listed.push([flag, isYoung ? null : kind])
      }
    assert.deepEqual(Object.fromEntries(cells), Object.fromEntries(listed))
    return Object.fromEntries(cells)
  }
  const before = await judgements()
  assert.deepEqual(before, { used: null, same: 'one_answer', never: 'never_evaluated', young: null })
  await call('PUT', `${project}/stale/settings`, { unusedDays: 50, answerDays: 45 })
  await call('PATCH', `${project}/flags/young`, { description: 'the matrix is read again' })
  assert.deepEqual(await judgements(), { used: null, same: null, never: null, young: null })
  await call('PUT', `${project}/stale/settings`, {})
  await execute(sql`insert into flagstaff.last_syncs (environment_id, at) values (${environmentId()}, now())`)
  await call('PATCH', `${project}/flags/young`, { description: 'and again' })
  assert.deepEqual(await judgements(), { used: null, same: null, never: null, young: null })
})
