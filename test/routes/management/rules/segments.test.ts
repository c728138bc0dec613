import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { environments } from '../../../../src/repository/postgres/tables.ts'
import { openService, type Service } from '../../../support/service.ts'

let service: Service
/** The environments that were loaded after a change. */
const refreshes: string[] = []
let made = 0
let environment: string
let segments: string
before(async () => {
  service = await openService({
    dependencies: {
      refreshFlags: async (scope) => {
        refreshes.push(scope)
        await service.snapshots.refresh(scope)
      },
    },
  })
})
after(() => service.close())
beforeEach(async () => {
  made += 1
  environment = `/api/v1/projects/p${made}/environments/test`
  segments = `${environment}/segments`
  await call('POST', '/api/v1/projects', { body: { key: `p${made}` } })
  await call('POST', `/api/v1/projects/p${made}/environments`, { body: { key: 'test' } })
})

const call: Service['call'] = (...given) => service.call(...given)
const staff = { ends_with: [{ var: 'email' }, '@example.com'] }
const flag = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off' }
const uses = (name: string, more: object = {}) => ({
  ...flag,
  targeting: { if: [{ $ref: name }, 'on', null] },
  ...more,
})
const put = (name: string, rule: unknown, headers: Record<string, string> = {}, query = '') =>
  call('PUT', `${segments}/${encodeURIComponent(name)}${query}`, { body: { rule }, headers })
const recordsOf = async (query: string) =>
  (await call('GET', `/api/v1/changes?project=p${made}&${query}`)).body.items as Record<string, any>[]

async function store(flags: object, $evaluators: object = {}): Promise<void> {
  const { status, text } = await call('PUT', `${environment}/flagset?strict=false`, { body: { flags, $evaluators } })
  assert.equal(status, 200, text)
}

const evaluate = async (key: string, email: string) => {
  const { body } = await call('POST', `/ofrep/v1/evaluate/flags/${key}`, {
    body: { context: { email } },
    headers: { 'flagd-selector': `flagSetId=p${made}/test` },
  })
  return body.value
}

test('a segment is created, read, replaced, patched and deleted, and evaluations follow immediately', async () => {
  const created = await put('staff', staff)
  assert.deepEqual([created.status, created.body.affects, created.body.dryRun], [200, [], false])
  await call('PUT', `${environment}/flags/a`, { body: uses('staff') })
  assert.equal(await evaluate('a', 'ada@example.com'), true)
  const read = await call('GET', `${segments}/staff`)
  assert.deepEqual(read.body.rule, staff)
  assert.deepEqual(read.body.usedBy, { count: 1, flags: [{ key: 'a', path: [] }], segments: [] })
  assert.equal(read.headers.get('etag'), created.headers.get('etag'), 'a change of a flag is none of the segment')
  const patched = await call('PATCH', `${segments}/staff`, {
    body: { rule: { ends_with: [{ var: 'email' }, '.org'] } },
  })
  assert.deepEqual([patched.status, patched.body.affects, patched.body.affectsCount], [200, ['a'], 1])
  assert.equal(await evaluate('a', 'ada@example.com'), false)
  await call('DELETE', `${environment}/flags/a`)
  assert.equal((await call('DELETE', `${segments}/staff`)).status, 204)
  assert.equal((await call('GET', `${segments}/staff`)).status, 404)
  assert.equal((await call('DELETE', `${segments}/staff`)).status, 404)
  assert.equal((await call('PATCH', `${segments}/staff`, { body: { rule: [] } })).status, 404)
})

test('a segment with the name of an inherited member is read and recorded as any other, also without a revision of its own', async () => {
  await put('constructor', staff)
  const [created] = await recordsOf('segment=constructor')
  assert.deepEqual([created?.['action'], created?.['before'], created?.['after']], ['create', null, staff])
  await service.store.database.write((tx) => tx.update(environments).set({ segmentRevisions: {} }))
  for (const path of [segments, `${segments}/constructor`]) assert.equal((await call('GET', path)).status, 200, path)
  await put('other', staff)
  const { status, body } = await call('GET', `${segments}/constructor`)
  assert.deepEqual([status, body.rule, typeof body.revision], [200, staff, 'number'])
  await call('DELETE', `${segments}/constructor`)
  const [deleted] = await recordsOf('segment=constructor')
  assert.deepEqual([deleted?.['action'], deleted?.['before'], deleted?.['after']], ['delete', staff, null])
})

test('the ETag is the revision at which this segment changed, and preconditions compare with it', async () => {
  const first = await put('staff', staff, { 'if-none-match': '*' })
  const etag = first.headers.get('etag') ?? ''
  assert.equal((await put('staff', staff, { 'if-none-match': '*' })).status, 412)
  await put('other', ['a', 'b'])
  await call('PUT', `${environment}/flags/a`, { body: flag })
  await call('PATCH', environment, { body: { bucketing: 'v3' } })
  assert.equal((await call('GET', `${segments}/staff`)).headers.get('etag'), etag)
  assert.equal(
    (await put('staff', staff, { 'if-match': etag })).headers.get('etag'),
    etag,
    'an equal rule is no change',
  )
  const second = await put('staff', ['ada@example.com'], { 'if-match': etag })
  assert.equal(second.status, 200)
  assert.ok(second.body.revision > first.body.revision)
  for (const answer of [
    await put('staff', staff, { 'if-match': etag }),
    await call('DELETE', `${segments}/staff`, { headers: { 'if-match': etag } }),
    await call('POST', `${segments}/staff/rename`, { body: { to: 'crew' }, headers: { 'if-match': etag } }),
  ])
    assert.equal(answer.status, 412)
  assert.equal((await put('new', [], { 'if-match': '*' })).status, 412)
})

test('a dry run has the ETag of the segment itself, none of a segment that does not exist, and publishes nothing', async () => {
  const etag = (await put('staff', staff)).headers.get('etag')
  await call('PUT', `${environment}/flags/a`, { body: flag })
  const { body: stored, headers } = await call('GET', `${segments}/staff`)
  assert.equal(headers.get('etag'), etag)
  refreshes.splice(0)
  const rename = { body: { to: 'crew' } }
  for (const answer of [
    await put('staff', ['ada'], {}, '?dryRun=true'),
    await put('staff', staff, {}, '?dryRun=true'),
    await call('PATCH', `${segments}/staff?dryRun=true`, { body: { rule: ['ada'] } }),
    await call('POST', `${segments}/staff/rename?dryRun=true`, rename),
  ])
    assert.deepEqual([answer.status, answer.headers.get('etag'), answer.body.revision], [200, etag, stored.revision])
  const created = await put('new', staff, {}, '?dryRun=true')
  assert.deepEqual([created.status, created.headers.get('etag'), created.body.revision], [200, null, 0])
  assert.equal((await call('DELETE', `${segments}/staff?dryRun=true`)).status, 204)
  assert.deepEqual(refreshes, [])
  await call('POST', `${segments}/staff/rename`, rename)
  assert.deepEqual(refreshes, [`p${made}/test`])
})

test('each change of a segment has a record of its own, whichever way it came', async () => {
  await put('staff', staff)
  const document = { flags: {}, $evaluators: { staff: ['ada'], beta: { $ref: 'staff' } }, metadata: { team: 'web' } }
  const applied = await call('PUT', `${environment}/flagset?comment=import`, { body: document })
  const brief = (row: Record<string, any>) => [row['action'], row['segment'], row['before'], row['after']]
  const records = (await recordsOf('subject=segment')).map(brief)
  assert.deepEqual(
    records.toSorted(),
    [
      ['create', 'staff', null, staff],
      ['update', 'staff', staff, ['ada']],
      ['create', 'beta', null, { $ref: 'staff' }],
    ].toSorted(),
  )
  const [settings] = await recordsOf('subject=environment')
  assert.deepEqual(
    [settings?.['before'], settings?.['after']],
    [
      { metadata: {}, members: {} },
      { metadata: { team: 'web' }, members: {} },
    ],
  )
  const one = await recordsOf('segment=beta')
  assert.deepEqual(
    one.map((row) => [row['revision'], row['comment']]),
    [[applied.body.revision, 'import']],
  )
})

test('every flag that reaches a segment is checked with the new rule', async () => {
  await store({ a: uses('beta'), broken: { ...flag, targeting: { nope: 1 } } }, { beta: { $ref: 'staff' }, staff })
  const wrong = await put('staff', { nope: 1 })
  assert.equal(wrong.status, 400)
  assert.deepEqual(
    wrong.body.errors.map((error: { pointer: string }) => error.pointer),
    ['/rule/nope'],
  )
  const cycle = await put('staff', { $ref: 'beta' })
  assert.equal(cycle.status, 400)
  assert.ok(cycle.body.errors.some((error: { pointer: string }) => error.pointer.startsWith('/flags/a/targeting')))
  const fits = await put('staff', ['ada'])
  assert.deepEqual([fits.status, fits.body.affects], [200, ['a']])
})

test('dryRun checks and changes nothing', async () => {
  await store({ a: uses('staff') }, { staff })
  const { body: before } = await call('GET', environment)
  const dry = await put('staff', ['ada'], {}, '?dryRun=true')
  assert.deepEqual([dry.status, dry.body.dryRun, dry.body.affects], [200, true, ['a']])
  assert.equal((await put('staff', { nope: 1 }, {}, '?dryRun=true')).status, 400)
  assert.equal((await call('DELETE', `${segments}/staff?dryRun=true`)).status, 409)
  const renamed = await call('POST', `${segments}/staff/rename?dryRun=true`, { body: { to: 'crew' } })
  assert.deepEqual([renamed.status, renamed.body.name], [200, 'crew'])
  assert.deepEqual((await call('GET', `${segments}/staff`)).body.rule, staff)
  assert.equal((await call('GET', environment)).body.revision, before.revision)
})

test('a segment in use is not deleted, and the answer names its users', async () => {
  await store(
    { a: uses('beta'), off: uses('alone', { state: 'DISABLED' }) },
    { beta: { $ref: 'staff' }, staff, alone: ['x'] },
  )
  for (const query of ['', '?force=true']) {
    const { status, body } = await call('DELETE', `${segments}/staff${query}`)
    assert.deepEqual([status, body.code], [409, 'in_use'], query)
    assert.deepEqual(body.usedBy, {
      count: 2,
      flags: [{ key: 'a', path: ['beta'] }],
      segments: [{ key: 'beta', path: [] }],
    })
  }
  assert.equal((await call('DELETE', `${segments}/alone`)).body.code, 'in_use')
  assert.equal((await call('DELETE', `${segments}/alone?force=true`)).status, 204)
  const { body } = await call('GET', `${environment}/problems`)
  assert.deepEqual(
    body.items.map((item: { key: string }) => item.key),
    ['off'],
  )
})

test('a segment is renamed in flags and segments under one revision', async () => {
  await store({ a: uses('staff'), b: uses('beta'), c: flag }, { staff, beta: { or: [{ $ref: 'staff' }, false] } })
  const { body: before } = await call('GET', environment)
  const { status, body, text } = await call('POST', `${segments}/staff/rename?comment=why`, { body: { to: 'crew' } })
  assert.equal(status, 200, text)
  assert.deepEqual([body.name, body.rule, body.revision], ['crew', staff, before.revision + 1])
  assert.deepEqual(body.affects, ['a', 'b'])
  const { body: document } = await call('GET', `${environment}/flagset?portable=false`)
  assert.deepEqual(Object.entries(document.$evaluators), [
    ['crew', staff],
    ['beta', { or: [{ $ref: 'crew' }, false] }],
  ])
  assert.deepEqual(document.flags.a, uses('crew'))
  assert.equal(await evaluate('a', 'ada@example.com'), true)
  const records = (await recordsOf('limit=3')).map((row) => [
    row['subject'],
    row['action'],
    row['flag'] ?? row['segment'],
  ])
  assert.deepEqual(
    records.toSorted(),
    [
      ['definition', 'update', 'a'],
      ['segment', 'rename', 'crew'],
      ['segment', 'update', 'beta'],
    ].toSorted(),
  )
  for (const name of ['crew', 'staff']) {
    const [newest] = await recordsOf(`segment=${name}`)
    assert.deepEqual(
      [newest?.['action'], newest?.['before'], newest?.['after']],
      ['rename', { name: 'staff' }, { name: 'crew' }],
    )
  }
  assert.equal((await call('POST', `${segments}/crew/rename`, { body: { to: 'beta' } })).status, 409)
  assert.equal((await call('POST', `${segments}/staff/rename`, { body: { to: 'x' } })).status, 404)
  assert.equal((await call('POST', `${segments}/crew/rename`, { body: { to: 'a"b' } })).status, 400)
})

test('a list has pages, references and, if wanted, users', async () => {
  await store(
    { a: uses('b'), z: uses('a') },
    { c: ['x'], a: { $ref: 'c' }, b: { and: [{ $ref: 'c' }, { $ref: 'a' }] } },
  )
  const { body } = await call('GET', `${segments}?limit=2`)
  assert.deepEqual(
    body.items.map((item: { name: string; references: string[] }) => [item.name, item.references]),
    [
      ['a', ['c']],
      ['b', ['a', 'c']],
    ],
  )
  assert.ok(!('usedBy' in body.items[0]))
  const rest = await call('GET', `${segments}?limit=2&after=${body.next}&usedBy=true`)
  assert.equal(rest.body.next, null)
  assert.deepEqual(rest.body.items[0].usedBy, {
    count: 4,
    flags: [
      { key: 'z', path: ['a'] },
      { key: 'a', path: ['b'] },
    ],
    segments: [
      { key: 'a', path: [] },
      { key: 'b', path: [] },
    ],
  })
})

test('a body that is not a rule is refused with the place of the mistake', async () => {
  const bodyOf = async (body: unknown) => {
    const { status, body: answer } = await call('PUT', `${segments}/s`, { body })
    return [status, answer.errors?.[0].pointer]
  }
  assert.deepEqual(await bodyOf({}), [400, ''])
  assert.deepEqual(await bodyOf([]), [400, ''])
  assert.deepEqual(await bodyOf({ rule: [1], other: 2 }), [400, ''])
  assert.deepEqual(await bodyOf({ rule: 1 }), [400, '/rule'], 'too short for flagd')
  assert.deepEqual(await bodyOf('{"rule":[9007199254740993]}'), [400, '/rule/0'])
  assert.deepEqual(await bodyOf('{"rule":{"__proto__":[1]}}'), [400, '/rule/__proto__'])
  assert.equal((await put('x'.repeat(257), ['a'])).status, 400)
  assert.equal((await put('__proto__', ['a'])).status, 400)
  assert.equal((await put('a<b', ['a'])).status, 400)
  assert.equal((await put('constructor', ['a'])).status, 200)
  assert.equal((await call('GET', `${segments}/toString`)).status, 404)
})
