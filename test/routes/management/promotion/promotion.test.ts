import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { type Listening, openListening } from '../../../support/listening.ts'
import { ADMIN_KEY } from '../../../support/service.ts'

// Comparing and promoting between environments, over a socket and against Postgres.

let it: Listening
let made = 0
let project: string
before(async () => {
  it = await openListening()
})
beforeEach(async () => {
  made += 1
  project = `/api/v1/projects/p${made}`
  await call('POST', '/api/v1/projects', { key: `p${made}` })
  for (const key of ['dev', 'prod']) await call('POST', `${project}/environments`, { key })
})
after(() => it.close())

async function call(method: string, target: string, body?: unknown, key = ADMIN_KEY) {
  const response = await fetch(`${it.address}${target}`, {
    method,
    headers: { 'x-api-key': key, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const answer: any = await response.json().catch(() => undefined)
  return { status: response.status, body: answer, etag: response.headers.get('etag') ?? '' }
}

const on = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
const put = async (environment: string, flag: string, definition: object = on) => {
  const written = await call('PUT', `${project}/environments/${environment}/flags/${flag}`, definition)
  assert.equal(written.status, 200, JSON.stringify(written.body))
}
const read = async (environment: string, flag: string) =>
  (await call('GET', `${project}/environments/${environment}/flags/${flag}`)).body
const compare = async (query = '') => {
  const { status, body } = await call('GET', `${project}/compare?source=dev&target=prod${query}`)
  assert.equal(status, 200, JSON.stringify(body))
  return body
}
const promote = (flags: object[], more: object = {}) =>
  call('POST', `${project}/promote`, { source: 'dev', target: 'prod', flags, ...more })
const promoted = async (flags: object[], more: object = {}) => {
  const result = await promote(flags, more)
  assert.equal(result.status, 200, JSON.stringify(result.body))
  return result.body
}
const verdicts = async (flag: string, query = '') => {
  const { items } = await compare(`&flag=${flag}${query}`)
  return Object.fromEntries(
    items[0].members.map(({ member, verdict }: { member: string; verdict: string }) => [member, verdict]),
  )
}

test('P1: value, switch and rules are compared and carried one by one (flagsmith#542)', async () => {
  const rule = { if: [{ var: 'beta' }, 'on', 'off'] }
  await put('dev', 'a', { ...on, defaultVariant: 'off', targeting: rule, metadata: { team: 'web' } })
  await put('prod', 'a', { ...on, state: 'DISABLED' })
  assert.deepEqual(await verdicts('a'), {
    '/state': 'unknown',
    '/defaultVariant': 'unknown',
    '/targeting': 'unknown',
    '/metadata/team': 'unknown',
  })
  const { changed } = await promoted([{ flag: 'a', members: ['/targeting'] }])
  assert.deepEqual(changed[0].members, ['/targeting'])
  assert.deepEqual(await read('prod', 'a'), { ...on, state: 'DISABLED', targeting: rule })
  await promoted([{ flag: 'a', members: ['/metadata', '/state'] }])
  assert.deepEqual(await read('prod', 'a'), { ...on, targeting: rule, metadata: { team: 'web' } })
  assert.deepEqual(await verdicts('a'), { '/defaultVariant': 'unknown' })
})

test('P2: differences are listed, and flags that are equal can be left out (flagsmith#525)', async () => {
  for (const environment of ['dev', 'prod']) await put(environment, 'same')
  await put('dev', 'new')
  await put('prod', 'own')
  await put('dev', 'other')
  await put('prod', 'other', { ...on, defaultVariant: 'off' })
  const { items, source, target } = await compare()
  assert.deepEqual(
    items.map(({ flag, status }: { flag: string; status: string }) => [flag, status]),
    [
      ['new', 'only-in-source'],
      ['other', 'different'],
      ['own', 'only-in-target'],
      ['same', 'equal'],
    ],
  )
  assert.deepEqual([source.environment, target.environment], ['dev', 'prod'])
  const other = items[1].members[0]
  assert.deepEqual(other, { member: '/defaultVariant', verdict: 'unknown', source: 'on', target: 'off' })
  const pages: string[] = []
  for (let next: string | null = ''; next !== null; ) {
    const page: any = await compare(`&only=different&limit=1&after=${next}`)
    pages.push(...page.items.map(({ flag }: { flag: string }) => flag))
    next = page.next
  }
  assert.deepEqual(pages, ['new', 'other', 'own'])
})

test('P3: a promotion is shown first, and nothing is written that was not selected (flagsmith#1472)', async () => {
  await put('dev', 'a')
  await put('dev', 'b')
  const { revision } = (await compare()).target
  const dry = await promoted([{ flag: 'a' }, { flag: 'b' }], { dryRun: true })
  assert.deepEqual([dry.revision, dry.dryRun], [revision, true])
  assert.deepEqual(
    dry.changed.map(({ flag, before, after }: any) => [flag, before, after.state]),
    [
      ['a', null, 'DISABLED'],
      ['b', null, 'DISABLED'],
    ],
  )
  assert.equal((await compare()).target.revision, revision)
  assert.equal((await compare()).items[0].base, null)
  await promoted([{ flag: 'b' }])
  assert.deepEqual(
    (await compare()).items.map(({ flag, status }: any) => [flag, status]),
    [
      ['a', 'only-in-source'],
      ['b', 'different'],
    ],
  )
})

test('P4: flags are copied to another environment under one revision, with their segments (flipt#5382, flipt#5772)', async () => {
  const rule = { if: [{ $ref: 'staff' }, 'on', 'off'] }
  for (const [name, segment] of [
    ['crew', { in: [{ var: 'email' }, ['ada@example.com']] }],
    ['staff', { or: [{ $ref: 'crew' }, { var: 'boss' }] }],
  ])
    await call('PUT', `${project}/environments/dev/segments/${name}`, { rule: segment })
  await put('dev', 'a', { ...on, targeting: rule })
  await put('dev', 'b')
  const { items, segments } = await compare()
  assert.deepEqual(items[0].segments, ['crew', 'staff'])
  assert.deepEqual(
    segments.map(({ segment, verdict, target }: any) => [segment, verdict, target]),
    [
      ['crew', 'take', undefined],
      ['staff', 'take', undefined],
    ],
  )
  const { revision } = (await compare()).target
  const result = await promoted([{ flag: 'a' }, { flag: 'b' }], { state: 'take' })
  assert.deepEqual([result.revision, result.segments], [revision + 1, ['crew', 'staff']])
  assert.deepEqual(await read('prod', 'a'), await read('dev', 'a'))
  const answer = await call(
    'POST',
    '/ofrep/v1/evaluate/flags/a',
    { context: { email: 'ada@example.com' } },
    await keyOf('prod'),
  )
  assert.deepEqual([answer.body.value, answer.body.reason], [true, 'TARGETING_MATCH'], 'it is evaluated there at once')
  assert.deepEqual((await compare('&only=different')).items, [])
})

async function keyOf(environment: string, role = 'client'): Promise<string> {
  const scope = { project: `p${made}`, environment }
  return (await call('POST', '/api/v1/keys', { name: 'k', role, environment: scope })).body.secret
}

test('P5: one flag goes to several environments, each with a base of its own (bucketeer#2211)', async () => {
  await call('POST', `${project}/environments`, { key: 'test' })
  await put('dev', 'a')
  for (const target of ['test', 'prod']) await promoted([{ flag: 'a' }], { target })
  await put('dev', 'a', { ...on, metadata: { v: 2 } })
  await promoted([{ flag: 'a' }], { target: 'test' })
  assert.deepEqual((await read('test', 'a')).metadata, { v: 2 })
  assert.deepEqual(await verdicts('a'), { '/state': 'keep', '/metadata/v': 'take' })
})

test('P6: a flag is copied to another key, disabled and with its texts (posthog#29208)', async () => {
  await put('dev', 'a', { ...on, metadata: { team: 'web' } })
  await call('PATCH', `${project}/flags/a`, { description: 'about a', owner: 'ada', tags: ['x'] })
  const copy = await call('POST', `${project}/environments/dev/flags/a/copy`, { to: 'b' })
  assert.equal(copy.status, 201, JSON.stringify(copy.body))
  assert.deepEqual(copy.body.definition, { ...on, metadata: { team: 'web' }, state: 'DISABLED' })
  assert.deepEqual(await read('dev', 'b'), copy.body.definition)
  const { description, owner, tags } = (await call('GET', `${project}/flags/b`)).body
  assert.deepEqual({ description, owner, tags }, { description: 'about a', owner: 'ada', tags: ['x'] })
  const [record] = (await call('GET', `/api/v1/changes?project=p${made}&flag=b&subject=definition`)).body.items
  assert.deepEqual([record.action, record.from.environment, record.from.flag], ['create', 'dev', 'a'])
  assert.equal((await call('POST', `${project}/environments/dev/flags/a/copy`, { to: 'b' })).status, 409)
  assert.equal((await call('POST', `${project}/environments/dev/flags/none/copy`, { to: 'c' })).status, 404)
  assert.equal((await call('POST', `${project}/environments/prod/flags/a/copy`, { to: 'c' })).status, 404)
  await call('POST', `${project}/environments/dev/flags/a/copy`, { to: 'c', state: 'take' })
  assert.equal((await read('dev', 'c')).state, 'ENABLED')
})

test('P7: a change in one environment reaches another only when it is promoted, and its record says from where (posthog#18267)', async () => {
  await put('dev', 'a')
  assert.equal((await call('GET', `${project}/environments/prod/flags/a`)).status, 404)
  const { revision } = (await compare()).source
  const comment = encodeURIComponent('first release')
  const body = { source: 'dev', target: 'prod', flags: [{ flag: 'a' }] }
  assert.equal((await call('POST', `${project}/promote?comment=${comment}`, body)).status, 200)
  const [record] = (await call('GET', `/api/v1/changes?project=p${made}&environment=prod&subject=definition`)).body
    .items
  assert.deepEqual(
    [record.action, record.comment, record.from, record.before, record.after.state],
    ['promote', 'first release', { environment: 'dev', revision }, null, 'DISABLED'],
  )
  const history = (await call('GET', `${project}/environments/prod/flags/a/history`)).body.items
  assert.deepEqual([history[0].action, history[0].from.environment], ['promote', 'dev'])
})

test('promoted twice, the second time changes nothing; there and back is what it was', async () => {
  await put('dev', 'a')
  await put('prod', 'a', { ...on, metadata: { own: 1 } })
  const first = await promoted([{ flag: 'a', resolve: { '': 'source' } }])
  assert.deepEqual(first.changed[0].after, on)
  const second = await promoted([{ flag: 'a' }])
  assert.deepEqual([second.revision, second.changed], [first.revision, []])
  const back = { source: 'prod', target: 'dev' }
  const returned = await promoted([{ flag: 'a' }], back)
  assert.deepEqual([returned.changed, await read('dev', 'a')], [[], on])
})

test('changes of both sides pass where they touch different members, and are a conflict where they touch one', async () => {
  await put('dev', 'a')
  await promoted([{ flag: 'a' }], { state: 'take' })
  await put('dev', 'a', { ...on, defaultVariant: 'off', metadata: { a: 1 } })
  await put('prod', 'a', { ...on, variants: { ...on.variants, maybe: true } })
  await promoted([{ flag: 'a' }])
  const merged = { ...on, variants: { ...on.variants, maybe: true }, defaultVariant: 'off', metadata: { a: 1 } }
  assert.deepEqual(await read('prod', 'a'), merged)

  await put('dev', 'a', { ...on, defaultVariant: 'off', metadata: { a: 2 } })
  await put('prod', 'a', { ...merged, metadata: { a: 3 } })
  await put('dev', 'b')
  const refused = await promote([{ flag: 'b' }, { flag: 'a' }])
  assert.deepEqual([refused.status, refused.body.code], [409, 'needs_merge'])
  assert.deepEqual(refused.body.conflicts, [{ flag: 'a', member: '/metadata/a', verdict: 'conflict' }])
  assert.equal((await call('GET', `${project}/environments/prod/flags/b`)).status, 404, 'all or nothing')
  await promoted([{ flag: 'a', resolve: { '/metadata/a': 'source' } }])
  assert.deepEqual((await read('prod', 'a')).metadata, { a: 2 })
})

test('a revision that the caller has not seen is refused, of the source and of the target', async () => {
  await put('dev', 'a')
  const { source, target } = await compare()
  const seen = { ifSource: source.revision, ifTarget: target.revision }
  await put('dev', 'a', { ...on, defaultVariant: 'off' })
  const stale = await promote([{ flag: 'a' }], seen)
  assert.deepEqual([stale.status, stale.body.code, stale.body.environment], [412, 'stale', 'dev'])
  await put('prod', 'z')
  const other = await promote([{ flag: 'a' }], { ...seen, ifSource: source.revision + 1 })
  assert.deepEqual([other.status, other.body.environment], [412, 'prod'])
  await promoted([{ flag: 'a' }], { ifSource: source.revision + 1, ifTarget: target.revision + 1 })
})

test('segments of the target are never overwritten in passing, and a missing one is named', async () => {
  const rule = { if: [{ in: [{ var: 'email' }, { $ref: 'staff' }] }, 'on', 'off'] }
  await call('PUT', `${project}/environments/dev/segments/staff`, { rule: ['ada'] })
  await put('dev', 'a', { ...on, targeting: rule })
  const without = await promote([{ flag: 'a' }], { segments: 'none' })
  assert.deepEqual([without.status, without.body.code], [400, 'invalid'])
  assert.match(without.body.errors[0].pointer, /^\/flags\/a\/targeting\//)
  await call('PUT', `${project}/environments/prod/segments/staff`, { rule: ['bo'] })
  await put('prod', 'user', { ...on, targeting: rule })
  const refused = await promote([{ flag: 'a' }])
  assert.deepEqual(refused.body.conflicts, [{ segment: 'staff', verdict: 'unknown' }])
  await promoted([{ flag: 'a' }], { resolveSegments: { staff: 'target' } })
  const segment = async () => (await call('GET', `${project}/environments/prod/segments/staff`)).body.rule
  assert.deepEqual(await segment(), ['bo'])
  assert.deepEqual((await compare('&flag=a')).segments[0].verdict, 'keep')
  const result = await promoted([{ flag: 'a' }], { resolveSegments: { staff: 'source' } })
  assert.deepEqual([result.segments, result.changed, await segment()], [['staff'], [], ['ada']])
  const [record] = (await call('GET', `/api/v1/changes?project=p${made}&segment=staff&environment=prod`)).body.items
  assert.deepEqual([record.action, record.from.environment, record.after], ['promote', 'dev', ['ada']])
  const unknown = await promote([{ flag: 'a' }], { resolveSegments: { none: 'source' } })
  assert.deepEqual([unknown.status, unknown.body.errors[0].pointer], [400, '/resolveSegments/none'])
})

test('a segment that would break another flag of the target is refused', async () => {
  const nested = (rule: unknown) => Array.from({ length: 60 }).reduce((inner) => ({ '!': inner }), rule)
  await call('PUT', `${project}/environments/dev/segments/s`, { rule: nested({ var: 'u' }) })
  await put('dev', 'a', { ...on, targeting: { if: [{ $ref: 's' }, 'on', 'off'] } })
  await call('PUT', `${project}/environments/prod/segments/s`, { rule: { var: 'u' } })
  await put('prod', 'b', { ...on, targeting: { if: [nested({ $ref: 's' }), 'on', 'off'] } })
  const refused = await promote([{ flag: 'a' }], { resolveSegments: { s: 'source' } })
  assert.deepEqual([refused.status, refused.body.code], [400, 'invalid'])
  assert.ok(refused.body.errors.every(({ pointer }: { pointer: string }) => pointer.startsWith('/flags/b/targeting')))
})

test('a flag that the source has not is an error with its place, or is removed where that is said', async () => {
  await put('dev', 'a')
  await put('prod', 'own')
  const refused = await promote([{ flag: 'a' }, { flag: 'own' }, { flag: 'none' }, { flag: 'a' }])
  assert.deepEqual(
    [refused.status, ...refused.body.errors.map(({ pointer }: { pointer: string }) => pointer)],
    [400, '/flags/1/flag', '/flags/2/flag', '/flags/3/flag'],
  )
  const { changed } = await promoted([{ flag: 'own', remove: true }])
  assert.deepEqual([changed[0].before, changed[0].after], [on, null])
  assert.equal((await call('GET', `${project}/environments/prod/flags/own`)).status, 404)
})

test('a flag that is archived in the project is in neither environment', async () => {
  await put('dev', 'a')
  await promoted([{ flag: 'a' }])
  await call('PATCH', `${project}/flags/a`, { archived: true })
  assert.deepEqual((await compare()).items, [])
  assert.equal((await promote([{ flag: 'a' }])).status, 400)
})

test('an environment that is made anew has no base of the one before', async () => {
  await put('dev', 'a')
  await promoted([{ flag: 'a' }])
  assert.notEqual((await compare()).items[0].base, null)
  await call('DELETE', `${project}/environments/prod`)
  await call('POST', `${project}/environments`, { key: 'prod' })
  await put('prod', 'a', { ...on, defaultVariant: 'off' })
  const [item] = (await compare()).items
  assert.deepEqual([item.base, item.members[0].verdict], [null, 'unknown'])
})

test('what a locked manager has in the target is not changed by a promotion', async () => {
  await put('dev', 'a', { ...on, defaultVariant: 'off' })
  const manager = encodeURIComponent('kubernetes:shop/production')
  await call('PUT', `${project}/environments/prod/managers/${manager}`, { flags: { a: on } })
  const refused = await promote([{ flag: 'a', resolve: { '': 'source' } }])
  assert.deepEqual([refused.status, refused.body.code], [409, 'managed'])
})

test('names of environments are checked: unknown ones, and one that is both', async () => {
  await put('dev', 'a')
  assert.equal((await promote([{ flag: 'a' }], { target: 'none' })).status, 404)
  assert.equal((await promote([{ flag: 'a' }], { target: 'dev' })).status, 400)
  assert.equal((await call('GET', `${project}/compare?source=dev&target=dev`)).status, 400)
  assert.equal((await call('GET', `${project}/compare?source=dev`)).status, 400)
  assert.equal((await promote([])).status, 400)
  assert.equal((await promote([{ flag: 'a', members: ['targeting'] }])).status, 400)
})

test('a key needs to read the source and to write the target', async () => {
  await put('dev', 'a')
  for (const [environment, role] of [
    ['dev', 'editor'],
    ['prod', 'editor'],
    ['prod', 'viewer'],
  ] as const) {
    const key = await keyOf(environment, role)
    const body = { source: 'dev', target: 'prod', flags: [{ flag: 'a' }] }
    assert.equal((await call('POST', `${project}/promote`, body, key)).status, 403, `${role} of ${environment}`)
    assert.equal((await call('GET', `${project}/compare?source=dev&target=prod`, undefined, key)).status, 403)
  }
})

test('two promotions in opposite directions at once both end, and twenty of one flag are one change', async () => {
  await put('dev', 'a')
  await put('prod', 'b')
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0
        ? promote([{ flag: 'a' }])
        : call('POST', `${project}/promote`, { source: 'prod', target: 'dev', flags: [{ flag: 'b' }] }),
    ),
  )
  assert.deepEqual(
    results.map(({ status }) => status),
    results.map(() => 200),
  )
  const { source, target } = await compare()
  assert.deepEqual([source.revision, target.revision], [3, 3])
})
