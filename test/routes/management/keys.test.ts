import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ADMIN_KEY, openService, type Service } from '../../support/service.ts'

let service: Service
before(async () => {
  service = await openService()
  await service.call('POST', '/api/v1/projects', { body: { key: 'shop' } })
  await service.call('POST', '/api/v1/projects', { body: { key: 'other' } })
  for (const [project, environment] of [
    ['shop', 'live'],
    ['shop', 'test'],
    ['other', 'live'],
  ])
    await service.call('POST', `/api/v1/projects/${project}/environments`, { body: { key: environment } })
  for (const place of [LIVE, TEST]) await call('PUT', `${place}/flags/a`, { body: on })
})
after(() => service.close())

const LIVE = '/api/v1/projects/shop/environments/live'
const TEST = '/api/v1/projects/shop/environments/test'
const on = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
const call: Service['call'] = (...given) => service.call(...given)
const newKey = async (role: string, more: object = {}) => {
  const environment = role === 'admin' ? null : { project: 'shop', environment: 'live' }
  const answer = await call('POST', '/api/v1/keys', { body: { name: `a ${role}`, role, environment, ...more } })
  assert.equal(answer.status, 201, answer.text)
  return answer.body as { id: string; secret: string }
}

/** Every route of the management API, with the least role that may use it and the status for the path of another environment. */
const ROUTES = [
  ['GET', '/api/v1/projects', 'viewer'],
  ['POST', '/api/v1/projects', 'admin'],
  ['GET', '/api/v1/projects/shop', 'viewer'],
  ['PATCH', '/api/v1/projects/shop', 'admin'],
  ['DELETE', '/api/v1/projects/shop', 'admin'],
  ['GET', '/api/v1/projects/shop/environments', 'viewer'],
  ['POST', '/api/v1/projects/shop/environments', 'admin'],
  ['GET', '/api/v1/projects/shop/matrix', 'viewer'],
  ['GET', '/api/v1/projects/shop/attributes', 'viewer'],
  ['POST', '/api/v1/projects/shop/flags/archive', 'editor'],
  ['PUT', '/api/v1/projects/shop/code-references/r', 'editor'],
  ['GET', '/api/v1/projects/shop/flags/a/code-references', 'viewer'],
  ['GET', '/api/v1/projects/shop/stale', 'viewer'],
  ['GET', '/api/v1/projects/shop/stale/settings', 'viewer'],
  ['PUT', '/api/v1/projects/shop/stale/settings', 'admin'],
  ['GET', '/api/v1/projects/shop/compare', 'viewer'],
  ['POST', '/api/v1/projects/shop/promote', 'editor'],
  ['GET', '/api/v1/projects/shop/events', 'viewer'],
  ['GET', LIVE, 'viewer'],
  ['PATCH', LIVE, 'admin'],
  ['DELETE', LIVE, 'admin'],
  ['GET', '/api/v1/projects/shop/flags', 'viewer'],
  ['POST', '/api/v1/projects/shop/flags', 'editor'],
  ['GET', '/api/v1/projects/shop/flags/a', 'viewer'],
  ['PATCH', '/api/v1/projects/shop/flags/a', 'editor'],
  ['GET', `${LIVE}/flags`, 'viewer'],
  ['GET', `${LIVE}/flags/a`, 'viewer'],
  ['PUT', `${LIVE}/flags/a`, 'editor'],
  ['PATCH', `${LIVE}/flags/a`, 'editor'],
  ['DELETE', `${LIVE}/flags/zzz`, 'editor'],
  ['POST', `${LIVE}/flags/a/rollback`, 'editor'],
  ['POST', `${LIVE}/flags/a/copy`, 'editor'],
  ['GET', `${LIVE}/flags/a/history`, 'viewer'],
  ['GET', `${LIVE}/flags/a/usage`, 'viewer'],
  ['POST', `${LIVE}/usage`, 'server'],
  ['GET', `${LIVE}/problems`, 'viewer'],
  ['POST', `${LIVE}/explain`, 'viewer'],
  ['GET', `${LIVE}/flagset`, 'viewer'],
  ['PUT', `${LIVE}/flagset`, 'editor'],
  ['GET', `${LIVE}/segments`, 'viewer'],
  ['GET', `${LIVE}/segments/s`, 'viewer'],
  ['PUT', `${LIVE}/segments/s`, 'editor'],
  ['PATCH', `${LIVE}/segments/s`, 'editor'],
  ['DELETE', `${LIVE}/segments/s`, 'editor'],
  ['POST', `${LIVE}/segments/s/rename`, 'editor'],
  ['GET', `${LIVE}/groups`, 'viewer'],
  ['GET', `${LIVE}/groups/g`, 'viewer'],
  ['PUT', `${LIVE}/groups/g`, 'editor'],
  ['DELETE', `${LIVE}/groups/g`, 'editor'],
  ['GET', `${LIVE}/holdouts`, 'viewer'],
  ['GET', `${LIVE}/holdouts/h`, 'viewer'],
  ['PUT', `${LIVE}/holdouts/h`, 'editor'],
  ['DELETE', `${LIVE}/holdouts/h`, 'editor'],
  ['GET', `${LIVE}/schedule`, 'viewer'],
  ['GET', `${LIVE}/flags/a/plan`, 'viewer'],
  ['POST', `${LIVE}/flags/a/plan/rollout`, 'editor'],
  ['POST', `${LIVE}/flags/a/plan/pause`, 'editor'],
  ['POST', `${LIVE}/flags/a/plan/resume`, 'editor'],
  ['POST', `${LIVE}/flags/a/plan/retreat`, 'editor'],
  ['POST', `${LIVE}/flags/a/plan/finish`, 'editor'],
  ['POST', `${LIVE}/flags/a/plan/cancel`, 'editor'],
  ['PUT', `${LIVE}/flags/a/split`, 'editor'],
  ['POST', `${LIVE}/flags/a/overrides`, 'editor'],
  ['DELETE', `${LIVE}/flags/a/overrides/u`, 'editor'],
  ['GET', `${LIVE}/managers`, 'viewer'],
  ['PUT', `${LIVE}/managers/test:m`, 'editor'],
  ['DELETE', `${LIVE}/managers/test:m`, 'editor'],
  ['GET', '/api/v1/changes', 'viewer'],
  ['GET', '/api/v1/keys', 'editor'],
  ['POST', '/api/v1/keys', 'editor'],
  ['DELETE', '/api/v1/keys/00000000-0000-0000-0000-000000000000', 'editor'],
] as const
const writes = (method: string) => (['GET', 'DELETE'].includes(method) ? {} : { body: {} })

test('every route of the management API is in the table of this test, and in the OpenAPI document', async () => {
  const { body } = await call('GET', '/openapi.json')
  const documented = Object.entries<object>(body.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, '*')}`),
  )
  const tested = ROUTES.map(
    ([method, path]) =>
      `${method} ${path
        .replace('/projects/shop', '/projects/*')
        .replace('/environments/live', '/environments/*')
        .replace(/\/flags\/(a|zzz)(?![a-z])/, '/flags/*')
        .replace('/code-references/r', '/code-references/*')
        .replace('/segments/s', '/segments/*')
        .replace('/groups/g', '/groups/*')
        .replace('/holdouts/h', '/holdouts/*')
        .replace('/overrides/u', '/overrides/*')
        .replace('/managers/test:m', '/managers/*')
        .replace(/\/keys\/.+/, '/keys/*')}`,
  )
  assert.deepEqual(tested.toSorted(), documented.toSorted())
})

test('without a key, or with a wrong one, every route is 401', async () => {
  for (const [method, path] of ROUTES)
    for (const key of [null, 'wrong', `fs_admin_${'A'.repeat(43)}`, 'x'.repeat(5000)]) {
      const answer = await call(method, path, { key, ...writes(method) })
      assert.equal(answer.status, 401, `${method} ${path}`)
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer')
      assert.ok(!answer.text.includes('shop'))
    }
})

test('a role that is too low is refused on every route', async () => {
  const roles = ['client', 'server', 'viewer', 'editor', 'admin'] as const
  const keys = await Promise.all(roles.slice(0, -1).map(async (role) => [role, (await newKey(role)).secret] as const))
  for (const [method, path, least] of ROUTES)
    for (const [role, key] of keys) {
      const { status } = await call(method, path, { key, ...writes(method) })
      if (roles.indexOf(role) >= roles.indexOf(least))
        assert.ok(![401, 403].includes(status), `${role} ${method} ${path}: ${status}`)
      else assert.equal(status, 403, `${role} ${method} ${path}`)
    }
})

test('an editor changes its own environment and no other', async () => {
  const { secret: key } = await newKey('editor')
  assert.equal((await call('PUT', `${LIVE}/flags/b`, { key, body: on })).status, 200)
  for (const [method, path] of [
    ['PUT', `${TEST}/flags/b`],
    ['GET', `${TEST}/flagset`],
    ['GET', TEST],
    ['GET', '/api/v1/projects/other/flags'],
    ['GET', '/api/v1/projects/other/environments/live/flagset'],
    ['GET', '/api/v1/projects/none/environments/live/flagset'],
  ] as const)
    assert.equal((await call(method, path, { key, ...writes(method) })).status, 403, path)
})

test('a viewer reads its own project and environment, and may sync and evaluate', async () => {
  const { secret: key } = await newKey('viewer')
  const keysIn = async (path: string) =>
    (await call('GET', path, { key })).body.items.map((row: { key: string }) => row.key)
  assert.deepEqual(await keysIn('/api/v1/projects'), ['shop'])
  assert.deepEqual(await keysIn('/api/v1/projects/shop/environments'), ['live'])
  assert.ok((await keysIn(`${LIVE}/flags`)).includes('a'))
  assert.ok('a' in (await call('GET', '/v1/flags', { key })).body.flags)
  assert.equal((await call('POST', '/ofrep/v1/evaluate/flags/a', { key, body: {} })).body.value, true)
  for (const path of ['/api/v1/projects/other', '/api/v1/projects/other/environments', TEST, `${TEST}/flags`])
    assert.equal((await call('GET', path, { key })).status, 403, path)
  assert.equal((await call('PATCH', `${LIVE}/flags/a`, { key, body: { defaultVariant: 'off' } })).status, 403)
})

for (const role of ['viewer', 'editor'])
  test(`the role ${role} reads the changes of its own environment and no others`, async () => {
    const { secret: key } = await newKey(role)
    const of = async (query: string) => {
      const { status, body } = await call('GET', `/api/v1/changes${query}`, { key })
      assert.equal(status, 200, query)
      return body.items as { project: string; environment: string; flag: string | null }[]
    }
    for (const query of [
      '',
      '?limit=100',
      '?project=shop',
      '?environment=live',
      '?project=shop&environment=live&flag=a',
    ]) {
      const items = await of(query)
      assert.ok(items.length > 0, query)
      for (const { project, environment } of items) assert.deepEqual([project, environment], ['shop', 'live'], query)
    }
    for (const query of [
      '?environment=test',
      '?project=shop&environment=test',
      '?project=other',
      '?project=other&environment=live',
      '?project=',
      '?environment=',
      '?environment=LIVE',
    ])
      assert.equal((await call('GET', `/api/v1/changes${query}`, { key })).status, 403, query)
    const twice = await call('GET', '/api/v1/changes?environment=live&environment=test', { key })
    for (const { environment } of twice.body.items ?? []) assert.equal(environment, 'live')
    const { body } = await call('GET', '/api/v1/changes?environment=test')
    assert.ok(body.items.length > 0, 'an administrator reads all')
  })

test('an editor creates, lists and revokes client and server keys of its own environment only', async () => {
  const { secret: key } = await newKey('editor')
  const { id: ofAdmin } = await newKey('admin')
  const { id: ofViewer } = await newKey('viewer')
  const post = (role: string, environment: string | null) =>
    call('POST', '/api/v1/keys', {
      key,
      body: { name: 'made by an editor', role, environment: environment && { project: 'shop', environment } },
    })
  for (const [role, environment] of [
    ['viewer', 'live'],
    ['editor', 'live'],
    ['admin', null],
    ['client', 'test'],
    ['server', 'none'],
  ] as const)
    assert.equal((await post(role, environment)).status, 403, `${role} ${environment}`)
  const created = await post('client', 'live')
  assert.equal(created.status, 201, created.text)
  assert.equal((await post('server', 'live')).status, 201)
  const elsewhere = await call('POST', '/api/v1/keys', {
    body: { name: 'x', role: 'client', environment: { project: 'shop', environment: 'test' } },
  })
  const { items } = (await call('GET', '/api/v1/keys?limit=1000', { key })).body
  assert.ok(items.some(({ id }: { id: string }) => id === created.body.id))
  for (const { role, environment } of items) {
    assert.ok(['client', 'server'].includes(role))
    assert.deepEqual(environment, { project: 'shop', environment: 'live' })
  }
  for (const id of [ofAdmin, ofViewer, elsewhere.body.id])
    assert.equal((await call('DELETE', `/api/v1/keys/${id}`, { key })).status, 404)
  assert.equal((await call('DELETE', `/api/v1/keys/${created.body.id}`, { key })).status, 204)
  assert.equal((await call('GET', '/v1/flags', { key: created.body.secret })).status, 401)
})

test('no spelling of a path bypasses the check', async () => {
  const { secret: key } = await newKey('editor')
  for (const path of [
    `${LIVE}/../test/flagset`,
    `${LIVE}/%2e%2e/test/flagset`,
    `${LIVE}/.%2E/test/flagset`,
    `${LIVE}%2f..%2ftest/flagset`,
    `//api/v1/projects/shop/environments/test/flagset`,
    `/api/v1//projects/shop/environments/test/flagset`,
    `/API/v1/projects/shop/environments/test/flagset`,
    `/api/v1/projects/shop/environments/test;live/flagset`,
    `/api/v1/projects/shop/environments/test/flagset;live`,
    `/api/v1/projects/shop/environments/live\\..\\test/flagset`,
    `/api/v1/projects/shop/environments/TEST/flagset`,
    `/api/v1/projects/shop/environments/%74est/flagset`,
    `/api/v1/projects/shop/environments/test/flagset/`,
    `/api/v1/projects/shop/environments/test/flagset?environment=live`,
    `/api/v1/projects/shop/environments/live%00/../test/flagset`,
  ]) {
    const { status } = await call('GET', path, { key })
    assert.ok([400, 403, 404].includes(status), `${path}: ${status}`)
  }
})

test('a key is sent as Bearer or as X-API-Key, and X-API-Key takes precedence', async () => {
  assert.equal((await call('GET', LIVE, { key: null, headers: { 'x-api-key': ADMIN_KEY } })).status, 200)
  assert.equal((await call('GET', LIVE, { key: null, headers: { authorization: `bearer ${ADMIN_KEY}` } })).status, 200)
  for (const authorization of ['Basic YTpi', 'Bearer of-a-gateway'])
    assert.equal(
      (await call('GET', LIVE, { key: null, headers: { authorization, 'x-api-key': ADMIN_KEY } })).status,
      200,
    )
  assert.equal((await call('GET', LIVE, { headers: { 'x-api-key': 'wrong' } })).status, 401)
})

test('a revoked key and an expired one are refused like an unknown one', async () => {
  const { id, secret } = await newKey('editor')
  assert.equal((await call('GET', LIVE, { key: secret })).status, 200)
  assert.equal((await call('DELETE', `/api/v1/keys/${id}`)).status, 204)
  const revoked = await call('GET', LIVE, { key: secret })
  const expired = await newKey('editor', { expiresAt: new Date(Date.now() - 1_000).toISOString() })
  const late = await call('GET', LIVE, { key: expired.secret })
  const unknown = await call('GET', LIVE, { key: 'unknown' })
  assert.deepEqual([revoked.status, late.status, unknown.status], [401, 401, 401])
  assert.equal(revoked.body.detail, unknown.body.detail)
  assert.equal(late.body.detail, unknown.body.detail)
})

test('a secret is shown once; lists and records never contain it, nor its hash', async () => {
  const { id, secret } = await newKey('client')
  assert.match(secret, /^fs_client_[a-z2-7]{52}$/, 'a label of a host name')
  assert.ok(secret.length <= 63)
  const list = await call('GET', '/api/v1/keys')
  const changes = await call('GET', '/api/v1/changes?subject=key')
  assert.ok(list.text.includes(id))
  assert.ok(changes.text.includes(id))
  for (const { text } of [list, changes]) assert.ok(!text.includes(secret) && !text.includes('hash'))
})

test('a client key evaluates and gets values only', async () => {
  const { secret: key } = await newKey('client')
  const single = await call('POST', '/ofrep/v1/evaluate/flags/a', { key, body: {} })
  assert.deepEqual([single.status, single.body.value], [200, true])
  const bulk = await call('POST', '/ofrep/v1/evaluate/flags', { key, body: {} })
  assert.ok(!bulk.text.includes('targeting') && !bulk.text.includes('variants'))
})

test('a key needs the environment that its role requires', async () => {
  const post = (body: object) => call('POST', '/api/v1/keys', { body: { name: 'x', ...body } })
  assert.equal((await post({ role: 'client' })).body.errors[0].pointer, '/environment')
  assert.equal((await post({ role: 'admin', environment: { project: 'shop', environment: 'live' } })).status, 400)
  assert.equal((await post({ role: 'client', environment: { project: 'shop', environment: 'none' } })).status, 404)
  assert.equal((await post({ role: 'root' })).status, 400)
})
