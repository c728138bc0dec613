import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { openService, type Service } from '../../support/service.ts'

let service: Service
let made = 0
let project: string
let environment: string
before(async () => {
  service = await openService()
})
after(() => service.close())
beforeEach(async () => {
  made += 1
  project = `/api/v1/projects/p${made}`
  environment = `${project}/environments/test`
  await service.call('POST', '/api/v1/projects', { body: { key: `p${made}` } })
  await service.call('POST', `${project}/environments`, { body: { key: 'test' } })
})

const call: Service['call'] = (...given) => service.call(...given)
const on = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
const evaluate = (key: string, context: object = {}) =>
  call('POST', `/ofrep/v1/evaluate/flags/${encodeURIComponent(key)}`, {
    body: { context },
    headers: { 'flagd-selector': `flagSetId=p${made}/test` },
  })

test('a project is created, read, changed and deleted', async () => {
  const created = await call('POST', '/api/v1/projects', { body: { key: 'shop', name: 'Shop' } })
  assert.equal(created.status, 201)
  assert.equal(created.headers.get('location'), '/api/v1/projects/shop')
  assert.equal((await call('POST', '/api/v1/projects', { body: { key: 'shop' } })).status, 409)
  const read = await call('GET', '/api/v1/projects/shop')
  assert.equal(read.body.name, 'Shop')
  const etag = read.headers.get('etag') ?? ''
  const changed = await call('PATCH', '/api/v1/projects/shop', {
    body: { description: 'All of it' },
    headers: { 'if-match': etag },
  })
  assert.deepEqual([changed.body.name, changed.body.description], ['Shop', 'All of it'])
  const stale = await call('PATCH', '/api/v1/projects/shop', { body: { name: 'No' }, headers: { 'if-match': etag } })
  assert.equal(stale.status, 412)
  assert.equal((await call('DELETE', '/api/v1/projects/shop')).status, 204)
  assert.equal((await call('GET', '/api/v1/projects/shop')).status, 404)
})

test('a project with environments is not deleted', async () => {
  const answer = await call('DELETE', project)
  assert.equal(answer.status, 409)
  assert.equal(answer.body.detail, 'The project still has environments')
})

test('an environment counts its changes, and a new one with the same key continues the count', async () => {
  await call('PUT', `${environment}/flags/a`, { body: on })
  const before = await call('GET', environment)
  assert.equal(before.body.flagSetId, `p${made}/test`)
  assert.equal(before.headers.get('etag'), `"${before.body.revision}"`)
  assert.equal((await call('DELETE', environment)).status, 204)
  assert.equal((await evaluate('a')).status, 404)
  const again = await call('POST', `${project}/environments`, { body: { key: 'test' } })
  assert.ok(again.body.revision > before.body.revision)
  assert.deepEqual((await call('GET', `${environment}/flagset`)).body.flags, {})
})

test('bucketing is a setting of the environment that a change record shows', async () => {
  const changed = await call('PATCH', environment, { body: { bucketing: 'v3' } })
  assert.equal(changed.body.bucketing, 'v3')
  const { body } = await call('GET', `/api/v1/changes?project=p${made}&subject=environment`)
  assert.deepEqual([body.items[0].before.bucketing, body.items[0].after.bucketing], ['v2', 'v3'])
  assert.equal((await call('PATCH', environment, { body: { bucketing: 'v9' } })).status, 400)
})

test('environments are listed in the order of their positions; a new one is the last', async () => {
  for (const body of [{ key: 'b' }, { key: 'c', protected: true }, { key: 'a', position: 0 }])
    assert.equal((await call('POST', `${project}/environments`, { body })).status, 201)
  const order = async () =>
    (await call('GET', `${project}/environments`)).body.items.map((row: { key: string }) => row.key)
  assert.deepEqual(await order(), ['a', 'test', 'b', 'c'])
  const moved = await call('PATCH', `${project}/environments/b`, { body: { position: 9, protected: true } })
  assert.deepEqual([moved.body.position, moved.body.protected, moved.body.name], [9, true, 'b'])
  assert.deepEqual(await order(), ['a', 'test', 'c', 'b'])
  const { body } = await call('GET', `/api/v1/changes?project=p${made}&environment=b&subject=environment`)
  const [{ before, after }, created] = body.items
  assert.deepEqual([before.position, before.protected, after.position, after.protected], [1, false, 9, true])
  assert.deepEqual([created.action, created.after.position], ['create', 1])
  assert.equal((await call('PATCH', environment, { body: { position: -1 } })).status, 400)
  assert.equal((await call('PATCH', environment, { body: { position: 1.5 } })).status, 400)
})

test('metadata of an environment are replaced by PATCH and returned with each evaluation', async () => {
  await call('PUT', `${environment}/flags/a`, { body: on })
  const changed = await call('PATCH', environment, { body: '{"metadata":{"team":"web","constructor":1}}' })
  assert.equal(JSON.stringify(changed.body.metadata), '{"team":"web","constructor":1}')
  assert.equal((await evaluate('a')).body.metadata.team, 'web')
  assert.equal((await call('PATCH', environment, { body: { name: 'Test' } })).body.metadata.team, 'web')
  assert.equal((await call('PATCH', environment, { body: '{"metadata":{"__proto__":1}}' })).status, 400)
  assert.equal((await call('PATCH', environment, { body: { metadata: { team: null } } })).status, 400)
  assert.deepEqual((await call('PATCH', environment, { body: { metadata: {} } })).body.metadata, {})
})

test('a flag has its text, tags and archive state in the project', async () => {
  const created = await call('POST', `${project}/flags`, { body: { key: 'a/b c', type: 'boolean', tags: ['ui'] } })
  assert.equal(created.status, 201)
  assert.equal(created.headers.get('location'), `${project}/flags/a%2Fb%20c`)
  const one = `${project}/flags/a%2Fb%20c`
  assert.equal((await call('GET', one)).body.key, 'a/b c')
  assert.deepEqual((await call('PATCH', one, { body: { owner: 'ada' } })).body.tags, ['ui'])
  assert.equal((await call('GET', `${project}/flags?tag=ui`)).body.items.length, 1)
  assert.equal((await call('GET', `${project}/flags?tag=none`)).body.items.length, 0)
  await call('PUT', `${environment}/flags/a%2Fb%20c`, { body: on })
  assert.equal((await evaluate('a/b c')).body.value, true)
  assert.equal((await call('PATCH', one, { body: { archived: true } })).body.archived, true)
  assert.equal((await evaluate('a/b c')).body.errorCode, 'FLAG_NOT_FOUND')
  assert.equal((await call('GET', `${project}/flags?archived=false`)).body.items.length, 0)
  await call('PATCH', one, { body: { archived: false } })
  assert.equal((await evaluate('a/b c')).body.value, true)
})

test('lists are split into pages without gap or overlap', async () => {
  for (const key of ['e', 'a', 'd', 'b', 'c']) await call('POST', `${project}/flags`, { body: { key, type: 'string' } })
  const keys: string[] = []
  for (let next: string | null = ''; next !== null; ) {
    const { body } = await call('GET', `${project}/flags?limit=2&after=${next}`)
    keys.push(...body.items.map((item: { key: string }) => item.key))
    next = body.next
  }
  assert.deepEqual(keys, ['a', 'b', 'c', 'd', 'e'])
})

test('a definition is put, read, patched and removed, and evaluations follow immediately', async () => {
  const put = await call('PUT', `${environment}/flags/a`, { body: on })
  assert.deepEqual([put.status, put.body], [200, on])
  assert.equal((await evaluate('a')).body.value, true)
  const patched = await call('PATCH', `${environment}/flags/a`, {
    body: { defaultVariant: 'off', metadata: { owner: 'ada' } },
    headers: { 'if-match': put.headers.get('etag') ?? '', 'content-type': 'application/merge-patch+json' },
  })
  assert.deepEqual(patched.body, { ...on, defaultVariant: 'off', metadata: { owner: 'ada' } })
  assert.equal((await evaluate('a')).body.value, false)
  const unset = await call('PATCH', `${environment}/flags/a`, { body: { metadata: null } })
  assert.deepEqual(unset.body, { ...on, defaultVariant: 'off' })
  assert.equal((await call('DELETE', `${environment}/flags/a`)).status, 204)
  assert.equal((await call('GET', `${environment}/flags/a`)).status, 404)
  assert.equal((await call('DELETE', `${environment}/flags/a`)).status, 404)
  assert.equal((await evaluate('a')).body.errorCode, 'FLAG_NOT_FOUND')
})

test('If-Match and If-None-Match decide whether a write happens', async () => {
  const put = (headers: Record<string, string>) => call('PUT', `${environment}/flags/a`, { body: on, headers })
  assert.equal((await put({ 'if-match': '*' })).status, 412)
  const created = await put({ 'if-none-match': '*' })
  assert.equal(created.status, 200)
  const etag = created.headers.get('etag') ?? ''
  assert.equal((await put({ 'if-none-match': '*' })).status, 412)
  assert.equal((await put({ 'if-match': '"999999"' })).status, 412)
  assert.equal((await put({ 'if-match': `W/${etag}` })).status, 412)
  assert.equal((await put({ 'if-match': 'nonsense' })).status, 412)
  assert.equal((await put({ 'if-match': `"1", ${etag}` })).status, 200)
})

test('a number that cannot be stored is refused with the digits that were sent, and so is invalid text', async () => {
  const one = `${environment}/flags/a`
  await call('PUT', one, { body: { ...on, variants: { on: 1 } } })
  const text = '{"state":"ENABLED","variants":{"on":9007199254740993},"defaultVariant":"on"}'
  const wanted = (prefix: string) => [
    { pointer: `${prefix}/variants/on`, detail: 'Number 9007199254740993 cannot be kept exactly' },
  ]
  const put = await call('PUT', one, { body: text })
  assert.deepEqual([put.status, put.body.errors], [400, wanted('')])
  const patch = await call('PATCH', one, { body: '{"variants":{"on":9007199254740993}}' })
  assert.deepEqual([patch.status, patch.body.errors], [400, wanted('')])
  const whole = await call('PUT', `${environment}/flagset`, { body: `{"flags":{"a":${text}}}` })
  assert.deepEqual([whole.status, whole.body.errors], [400, wanted('/flags/a')])
  const surrogate = await call('PUT', one, { body: { ...on, variants: { on: 'x\ud800' } } })
  assert.equal(surrogate.status, 400)
  assert.match(surrogate.body.errors[0].detail, /not well-formed/)
  assert.deepEqual((await call('GET', one)).body.variants, { on: 1 })
})

test('an invalid rule is refused with the place of the mistake, and nothing is stored', async () => {
  const body = { ...on, targeting: { if: [{ strats_with: [{ var: 'email' }, 'a'] }, 'on'] } }
  const refused = await call('PUT', `${environment}/flags/a`, { body })
  assert.equal(refused.status, 400)
  assert.equal(refused.headers.get('content-type'), 'application/problem+json')
  assert.match(refused.body.errors[0].pointer, /^\/targeting\/if\/0/)
  assert.match(refused.body.errors[0].detail, /strats_with/)
  assert.match(refused.body.traceId, /^[\da-f]{32}$/)
  assert.equal((await call('GET', `${environment}/flags/a`)).status, 404)
})

test('a flag has one type in all environments', async () => {
  await call('POST', `${project}/environments`, { body: { key: 'other' } })
  await call('PUT', `${environment}/flags/a`, { body: on })
  const text = { state: 'ENABLED', variants: { x: 'x' } }
  const refused = await call('PUT', `${project}/environments/other/flags/a`, { body: text })
  assert.deepEqual([refused.status, refused.body.errors[0].pointer], [400, '/variants'])
  assert.equal((await call('PUT', `${environment}/flags/a`, { body: text })).status, 200)
  assert.equal((await call('GET', `${project}/flags/a`)).body.type, 'string')
})

test('names that JavaScript objects treat specially are flags and variants like any other', async () => {
  const flags = {
    constructor: on,
    toString: { state: 'ENABLED', variants: { valueOf: 'a', hasOwnProperty: 'b' }, defaultVariant: 'valueOf' },
  }
  const applied = await call('PUT', `${environment}/flagset`, { body: { flags } })
  assert.equal(applied.status, 200)
  assert.deepEqual((await call('GET', `${environment}/flagset`)).body.flags, flags)
  assert.equal((await evaluate('toString')).body.value, 'a')
  assert.equal((await evaluate('hasOwnProperty')).body.errorCode, 'FLAG_NOT_FOUND')
  const evil = '{"state":"ENABLED","variants":{"__proto__":true,"on":false},"defaultVariant":"__proto__"}'
  const answer = await call('PUT', `${environment}/flags/x`, { body: evil })
  if (answer.status === 200) assert.equal((await evaluate('x')).body.value, true)
  else assert.equal(answer.status, 400)
})

test('a whole document is applied, exported unchanged, and applying it twice changes nothing', async () => {
  const document = {
    $schema: 'https://flagd.dev/schema/v0/flags.json',
    flags: {
      a: {
        ...on,
        targeting: { if: [{ $ref: 'staff' }, 'off', null] },
        metadata: { team: 'x', n: 1.5 },
        'x-note': { kept: [1, '2'] },
      },
      b: { state: 'DISABLED', variants: { one: { deep: [1, { two: null }] } }, defaultVariant: null },
    },
    $evaluators: { staff: { ends_with: [{ var: 'email' }, '@example.com'] } },
    metadata: { version: '7' },
  }
  const applied = await call('PUT', `${environment}/flagset`, { body: document })
  assert.deepEqual([applied.body.created, applied.body.segments, applied.body.metadata], [['a', 'b'], true, true])
  const exported = await call('GET', `${environment}/flagset`)
  assert.deepEqual(exported.body, document)
  const again = await call('PUT', `${environment}/flagset?prune=true`, { body: exported.body })
  assert.equal(again.body.revision, applied.body.revision)
  assert.deepEqual(again.body.differences, [])
  assert.equal((await evaluate('a', { email: 'ada@example.com' })).body.value, false)
})

test('dryRun returns the difference and changes nothing; prune removes flags that are not named', async () => {
  await call('PUT', `${environment}/flagset`, { body: { flags: { a: on, b: on, c: on } } })
  const wanted = { flags: { a: on, b: { ...on, defaultVariant: 'off' }, d: on } }
  const kept = await call('PUT', `${environment}/flagset?dryRun=true`, { body: wanted })
  assert.deepEqual([kept.body.created, kept.body.updated, kept.body.removed], [['d'], ['b'], []])
  const dry = await call('PUT', `${environment}/flagset?dryRun=true&prune=true`, { body: wanted })
  assert.deepEqual(dry.body.removed, ['c'])
  assert.deepEqual(Object.keys((await call('GET', `${environment}/flagset`)).body.flags), ['a', 'b', 'c'])
  await call('PUT', `${environment}/flagset?prune=true`, { body: wanted })
  assert.deepEqual(Object.keys((await call('GET', `${environment}/flagset`)).body.flags), ['a', 'b', 'd'])
  assert.equal((await call('GET', `${project}/flags/c`)).body.archived, true)
})

test('one invalid flag causes the whole document to be refused, with each place; strict=false stores it and isolates the flag', async () => {
  const bad = { ...on, targeting: { nonsense: [1] } }
  const document = { flags: { good: on, 'bad/one': bad } }
  const refused = await call('PUT', `${environment}/flagset`, { body: document })
  assert.equal(refused.status, 400)
  assert.match(refused.body.errors[0].pointer, /^\/flags\/bad~1one\/targeting/)
  const stored = await call('PUT', `${environment}/flagset?strict=false`, { body: document })
  assert.equal(stored.status, 200)
  assert.equal(stored.body.warnings.length, 1)
  assert.equal((await evaluate('good')).body.value, true)
  assert.equal((await evaluate('bad/one')).body.errorCode, 'PARSE_ERROR')
})

test('a segment that a flag uses cannot be removed, and a changed one affects the flags that use it', async () => {
  const flags = { a: { ...on, targeting: { if: [{ $ref: 's' }, 'off', null] } } }
  await call('PUT', `${environment}/flagset`, { body: { flags, $evaluators: { s: { '==': [{ var: 'x' }, 1] } } } })
  assert.equal((await evaluate('a', { x: 1 })).body.value, false)
  await call('PUT', `${environment}/flagset`, { body: { flags: {}, $evaluators: { s: { '==': [{ var: 'x' }, 2] } } } })
  assert.equal((await evaluate('a', { x: 1 })).body.value, true)
  const refused = await call('PUT', `${environment}/flagset?prune=true`, { body: { flags } })
  assert.equal(refused.status, 400)
})

test('history has every version, and rollback restores one as a new change', async () => {
  const first = await call('PUT', `${environment}/flags/a?comment=first%20version`, { body: on })
  await call('PUT', `${environment}/flags/a`, { body: { ...on, defaultVariant: 'off' } })
  const removed = await call('DELETE', `${environment}/flags/a`)
  assert.equal(removed.status, 204)
  const revision = Number((first.headers.get('etag') ?? '').replaceAll('"', ''))
  const rolled = await call('POST', `${environment}/flags/a/rollback`, { body: { revision: revision + 1 } })
  assert.equal(rolled.body.definition.defaultVariant, 'off')
  await call('POST', `${environment}/flags/a/rollback`, { body: { revision } })
  assert.equal((await evaluate('a')).body.value, true)
  const { body } = await call('GET', `${environment}/flags/a/history`)
  const versions = body.items.filter((item: { subject: string }) => item.subject === 'definition')
  assert.deepEqual(
    versions.map((item: { action: string }) => item.action),
    ['rollback', 'rollback', 'delete', 'update', 'create'],
  )
  assert.deepEqual(
    versions.map((item: { revision: number }) => item.revision),
    [4, 3, 2, 1, 0].map((above) => revision + above),
  )
  assert.equal(versions.at(-1).comment, 'first version')
  assert.equal((await call('POST', `${environment}/flags/a/rollback`, { body: { revision: 0 } })).status, 404)
})

test('changes have actor, trace and both states; they are filtered and paginated', async () => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  await call('PUT', `${environment}/flags/a`, { body: on, headers: { traceparent } })
  await call('PUT', `${environment}/flags/a`, { body: { ...on, defaultVariant: 'off' } })
  const { body } = await call('GET', `/api/v1/changes?project=p${made}&flag=a&subject=definition&limit=1`)
  assert.equal(body.items[0].after.defaultVariant, 'off')
  assert.equal(body.items[0].before.defaultVariant, 'on')
  assert.equal(body.items[0].actor, 'FLAGSTAFF_ADMIN_KEY')
  const older = await call('GET', `/api/v1/changes?project=p${made}&flag=a&subject=definition&before=${body.next}`)
  assert.equal(older.body.items[0].traceId, '4bf92f3577b34da6a3ce929d0e0e4736')
  assert.equal(older.body.next, null)
  const future = new Date(Date.now() + 3_600_000).toISOString()
  assert.equal((await call('GET', `/api/v1/changes?from=${future}`)).body.items.length, 0)
  assert.equal((await call('GET', '/api/v1/changes?actor=nobody')).body.items.length, 0)
  assert.equal((await call('GET', '/api/v1/changes?before=abc')).status, 400)
})

test('every character of a value is stored, and a key that the database cannot store is refused', async () => {
  const odd = { ...on, variants: { 'ünï \u2028"\\': 'nul \u0000, \u{1f600}' }, defaultVariant: null }
  assert.equal((await call('PUT', `${environment}/flagset`, { body: { flags: { 'ключ/%2F ☃': odd } } })).status, 200)
  assert.deepEqual((await call('GET', `${environment}/flagset`)).body.flags, { 'ключ/%2F ☃': odd })
  for (const key of ['nul\u0000', 'half \ud800'])
    assert.equal((await call('PUT', `${environment}/flagset`, { body: { flags: { [key]: on } } })).status, 400)
  assert.equal((await call('PUT', `${environment}/flags/nul%00`, { body: on })).status, 400)
})

test('invalid bodies are refused with their mistakes', async () => {
  const put = (body: unknown, headers: Record<string, string> = {}) =>
    call('PUT', `${environment}/flags/a`, { body, headers })
  assert.equal((await put('{')).status, 400)
  assert.equal((await put('[]')).status, 400)
  assert.equal((await put('{}', { 'content-type': 'text/plain' })).status, 415)
  assert.equal((await put({ ...on, state: 'ON' })).body.errors[0].pointer, '/state')
  assert.equal((await put({ ...on, defaultVariant: 'none' })).status, 400)
  assert.equal((await put(`{"state":"ENABLED","variants":{"a":${'['.repeat(5000)}${']'.repeat(5000)}}}`)).status, 400)
  assert.equal(
    (await call('POST', `${project}/flags`, { body: { key: 'a', type: 'date' } })).body.errors[0].pointer,
    '/type',
  )
  assert.equal((await call('POST', `${project}/flags`, { body: { key: 'nul\u0000', type: 'string' } })).status, 400)
  assert.equal((await call('POST', `${project}/environments`, { body: { key: 'No Slug' } })).status, 400)
  assert.equal((await put(on, { 'content-length': String(17 * 1024 * 1024) })).status, 413)
  assert.equal((await call('GET', '/api/v1/nowhere')).status, 404)
})

test('an unknown path is a problem document with a trace', async () => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  const { status, body, headers } = await call('GET', '/nowhere', { headers: { traceparent } })
  assert.equal(status, 404)
  assert.equal(headers.get('content-type'), 'application/problem+json')
  assert.equal(body.traceId, '4bf92f3577b34da6a3ce929d0e0e4736')
})
