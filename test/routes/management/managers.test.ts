import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { type Listening, openListening } from '../../support/listening.ts'
import { ADMIN_KEY } from '../../support/service.ts'

// What another system manages in an environment, over a socket: ownership, locks, drift, refusals.

const MANAGER = 'kubernetes:shop/production'
const MANAGED = `/managers/${encodeURIComponent(MANAGER)}`

let it: Listening
let made = 0
let path: string
let project: string
before(async () => {
  it = await openListening()
})
beforeEach(async () => {
  made += 1
  path = (await it.environment(`managed-${made}`)).path
  project = path.slice(0, path.indexOf('/environments/'))
})
after(() => it.close())

async function call(method: string, target: string, body?: unknown) {
  const response = await fetch(`${it.address}${target}`, {
    method,
    headers: { 'x-api-key': ADMIN_KEY, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const answer: any = await response.json().catch(() => undefined)
  return { status: response.status, body: answer, etag: response.headers.get('etag') ?? '' }
}

async function apply(flags: object, { query = '', ...rest }: { query?: string; [member: string]: unknown } = {}) {
  const result = await call('PUT', `${path}${MANAGED}${query}`, { flags, ...rest })
  assert.equal(result.status, 200, JSON.stringify(result.body))
  return result.body
}

const stored = async () => (await call('GET', `${path}/flagset?portable=false`)).body
const changeCount = async () =>
  (await call('GET', `/api/v1/changes?project=${project.split('/').at(-1)}`)).body.items.length

const on = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
const off = { ...on, defaultVariant: 'off' }

test('a manager creates flags; without a difference there is no revision and no change record', async () => {
  const first = await apply({ a: on, b: on })
  assert.deepEqual([first.created, first.managed, first.refused], [['a', 'b'], 2, []])
  const changes = await changeCount()
  const again = await apply({ b: on, a: on })
  assert.deepEqual([again.revision, again.created, again.updated, again.managed], [first.revision, [], [], 2])
  assert.equal(await changeCount(), changes)
  const dry = await apply({ a: off, c: on }, { query: '?dryRun=true&prune=true' })
  assert.deepEqual([dry.created, dry.updated, dry.removed, dry.revision], [['c'], ['a'], ['b'], first.revision])
  assert.deepEqual(Object.keys((await stored()).flags), ['a', 'b'])
  const list = await call('GET', `${path}/managers`)
  assert.deepEqual(list.body.items, [{ name: MANAGER, locked: true, flags: 2, segments: [], metadata: [] }])
})

test('others may not change what a locked manager has, in any way, and the answer names the manager', async () => {
  const staff = { ends_with: [{ var: 'email' }, '@example.com'] }
  await apply({ a: on }, { $evaluators: { staff }, metadata: { team: 'checkout' } })
  await call('PUT', `${path}/flags/own`, on)
  const before = await stored()
  for (const [method, target, body] of [
    ['PUT', `${path}/flags/a`, off],
    ['PATCH', `${path}/flags/a`, { defaultVariant: 'off' }],
    ['DELETE', `${path}/flags/a`],
    ['POST', `${path}/flags/a/rollback`, { revision: 1 }],
    ['PATCH', `${project}/flags/a`, { archived: true }],
    ['PUT', `${path}/flagset`, { flags: { a: off } }],
    ['PUT', `${path}/flagset?dryRun=true&prune=true`, { flags: {} }],
    ['PUT', `${path}/segments/staff`, { rule: { '!': { var: 'email' } } }],
    ['DELETE', `${path}/segments/staff`],
    ['POST', `${path}/segments/staff/rename`, { to: 'crew' }],
    ['PATCH', path, { metadata: { team: 'other' } }],
  ] as const) {
    if (target.endsWith('/rollback')) continue // nothing to roll back to: tested below
    const { status, body: problem } = await call(method, target, body)
    assert.deepEqual([status, problem?.code, problem?.managedBy], [409, 'managed', MANAGER], `${method} ${target}`)
    assert.match(problem.detail, /managed by "kubernetes:shop\/production"/)
  }
  assert.deepEqual(await stored(), before)
  const twice = await call('PUT', `${path}/flagset`, { flags: { a: off, own: off } })
  assert.deepEqual(twice.body.errors, [{ pointer: '/flags/a', detail: `Flag "a" is managed by "${MANAGER}"` }])
  for (const [method, target, body] of [
    ['PUT', `${path}/flags/own`, off],
    ['PATCH', `${project}/flags/a`, { description: 'of the team' }],
    ['PUT', `${path}/flags/a`, on],
    ['PATCH', path, { metadata: { team: 'checkout', more: 1 } }],
  ] as const)
    assert.equal((await call(method, target, body)).status, 200, `${method} ${target}`)
  await apply({ a: off }, { $evaluators: { staff }, metadata: { team: 'checkout' } })
  const { body: history } = await call('GET', `${path}/flags/a/history`)
  const back = await call('POST', `${path}/flags/a/rollback`, { revision: history.items.at(-1).revision })
  assert.equal(back.body.code, 'managed')
})

test('lists show who manages a flag; a release lets everyone change it', async () => {
  await apply({ a: on })
  await call('PUT', `${path}/flags/own`, on)
  const managed = async () =>
    (await call('GET', `${path}/flags`)).body.items.map(({ key, managedBy }: any) => [key, managedBy])
  const by = { name: MANAGER, locked: true }
  assert.deepEqual(await managed(), [
    ['a', by],
    ['own', null],
  ])
  const cells = async () => {
    const { flags } = (await call('GET', `${project}/matrix`)).body
    return flags.flatMap((flag: any) => Object.values(flag.environments).map((cell: any) => cell.managedBy))
  }
  assert.deepEqual(await cells(), [by, undefined])
  assert.equal((await call('DELETE', `${path}${MANAGED}`)).status, 204)
  assert.equal((await call('DELETE', `${path}${MANAGED}`)).status, 404)
  assert.deepEqual(await cells(), [undefined, undefined])
  assert.equal((await call('PUT', `${path}/flags/a`, off)).status, 200)
  const { body } = await call('GET', `/api/v1/changes?project=${project.split('/').at(-1)}&subject=environment`)
  assert.deepEqual(body.items[0].before, { manager: { name: MANAGER, locked: true } })
})

test('what exists without a manager is refused, or adopted; what another one has is refused', async () => {
  await call('PUT', `${path}/flags/own`, on)
  const refused = await apply({ own: off, a: on })
  assert.deepEqual([refused.created, refused.managed], [['a'], 1])
  assert.deepEqual(refused.refused, [
    { pointer: '/flags/own', detail: 'Flag "own" exists already and has no manager, and "adopt" is false' },
  ])
  const adopted = await apply({ own: on, a: on }, { query: '?adopt=true' })
  assert.deepEqual([adopted.adopted, adopted.updated, adopted.managed], [['own'], [], 2])
  assert.equal(adopted.revision, refused.revision + 1)
  const other = await call('PUT', `${path}/managers/kubernetes:b/c?adopt=true`, { flags: { a: off } })
  assert.equal(other.status, 404, 'the name is one segment of the path')
  const second = await call('PUT', `${path}/managers/${encodeURIComponent('kubernetes:b/c')}?adopt=true`, {
    flags: { a: off, mine: on },
  })
  assert.deepEqual(second.body.refused, [{ pointer: '/flags/a', detail: `Flag "a" is managed by "${MANAGER}"` }])
  assert.deepEqual(second.body.created, ['mine'])
})

test('drift: what others changed is overwritten, or reported until the manager wants something else', async () => {
  const report = { query: '?drift=report&prune=true' }
  await apply({ a: on, b: on, c: on }, report)
  assert.equal((await call('PUT', `${path}/flags/a`, off)).status, 200)
  assert.equal((await call('DELETE', `${path}/flags/b`)).status, 204)
  const reported = await apply({ a: on, b: on, c: on }, report)
  assert.deepEqual([reported.drifted, reported.updated, reported.created], [['/flags/a', '/flags/b'], [], []])
  assert.equal((await call('PUT', `${path}/flags/a`, { ...off, metadata: { by: 'ada' } })).status, 200)
  assert.deepEqual((await apply({ a: on, b: on, c: on }, report)).drifted, ['/flags/a', '/flags/b'])
  await call('PUT', `${path}/flags/a`, on)
  assert.deepEqual((await apply({ a: on, b: on, c: on }, report)).drifted, ['/flags/b'], 'changed back: no drift')
  await call('PUT', `${path}/flags/a`, off)
  const changed = await apply({ a: { ...on, metadata: { v: 2 } }, b: on, c: on }, report)
  assert.deepEqual([changed.updated, changed.drifted], [['a'], ['/flags/b']])
  await call('PUT', `${path}/flags/c`, off)
  const corrected = await apply({ a: { ...on, metadata: { v: 2 } }, b: on, c: on }, { query: '?prune=true' })
  assert.deepEqual([corrected.created, corrected.updated, corrected.drifted], [['b'], ['c'], ['/flags/b', '/flags/c']])
  assert.deepEqual((await apply({ a: { ...on, metadata: { v: 2 } }, b: on, c: on })).drifted, [])
  assert.equal((await call('PUT', `${path}/flags/a`, off)).body.code, 'managed', 'correct locks')
})

test('an archived flag is drift, and comes back when it is corrected', async () => {
  await apply({ a: on }, { query: '?drift=report' })
  assert.equal((await call('PATCH', `${project}/flags/a`, { archived: true })).status, 200)
  assert.deepEqual((await apply({ a: on }, { query: '?drift=report' })).drifted, ['/flags/a'])
  assert.deepEqual((await apply({ a: on })).drifted, ['/flags/a'])
  assert.deepEqual(Object.keys((await stored()).flags), ['a'])
})

test('a flag that comes back in another environment alone stays drift here', async () => {
  const report = { query: '?drift=report' }
  await apply({ a: on }, report)
  assert.equal((await call('POST', `${project}/environments`, { key: 'other' })).status, 201)
  assert.equal((await call('PATCH', `${project}/flags/a`, { archived: true })).status, 200)
  assert.equal((await call('PUT', `${project}/environments/other/flags/a`, off)).status, 200)
  const reported = await apply({ a: on }, report)
  assert.deepEqual([reported.drifted, reported.created], [['/flags/a'], []])
  assert.deepEqual((await stored()).flags, {})
})

test('prune archives what the manager has and no longer wants, and nothing else; without it flags lose their manager', async () => {
  await call('PUT', `${path}/flags/own`, on)
  const staff = { ends_with: [{ var: 'email' }, '@example.com'] }
  await apply({ a: on, b: on }, { $evaluators: { staff, used: staff }, metadata: { team: 'x' } })
  await call('PUT', `${path}/flags/own`, { ...on, targeting: { if: [{ $ref: 'used' }, 'off', null] } })
  const released = await apply({ b: on }, { $evaluators: { staff, used: staff }, metadata: { team: 'x' } })
  assert.deepEqual([released.released, released.removed, released.managed], [['a'], [], 1])
  assert.equal((await call('PUT', `${path}/flags/a`, off)).status, 200)
  const pruned = await apply({}, { query: '?prune=true' })
  assert.deepEqual([pruned.removed, pruned.managed], [['b'], 0])
  assert.deepEqual(
    pruned.refused.map(({ pointer }: any) => pointer),
    ['/$evaluators/used'],
    'a flag of others uses the segment',
  )
  const { flags, $evaluators, metadata } = await stored()
  assert.deepEqual([Object.keys(flags), Object.keys($evaluators), metadata], [['own', 'a'], ['used'], undefined])
  assert.equal((await call('GET', `${project}/flags/b`)).body.archived, true)
})

test('what is wrong is refused by itself, with pointer and reason, and stays as it was', async () => {
  const uses = { ...on, targeting: { if: [{ $ref: 'staff' }, 'off', null] } }
  const staff = { ends_with: [{ var: 'email' }, '@example.com'] }
  await apply({ a: on, typed: on, uses }, { $evaluators: { staff } })
  const elsewhere = await call('POST', `${project}/environments`, { key: 'elsewhere' })
  assert.equal(elsewhere.status, 201)
  await call('PUT', `${project}/environments/elsewhere/flags/typed`, on)
  const text = { state: 'ENABLED', variants: { x: 'x' }, defaultVariant: 'x' }
  const wrong = await apply(
    {
      a: { ...off, targeting: { if: [{ nope: 1 }, 'on', null] } },
      typed: text,
      uses,
      shapeless: { state: 'MAYBE', variants: {} },
      dangling: { ...on, targeting: { if: [{ $ref: 'gone' }, 'on', null] } },
      fine: on,
    },
    { query: '?prune=true', $evaluators: { staff: { nope: 2 }, more: staff } },
  )
  assert.deepEqual(wrong.created, ['fine'])
  assert.deepEqual(wrong.refused.map(({ pointer }: any) => pointer).toSorted(), [
    '/$evaluators/staff/nope',
    '/flags/a/targeting/if/0/nope',
    '/flags/dangling/targeting/if/0',
    '/flags/shapeless/state',
    '/flags/typed/variants',
  ])
  const { flags, $evaluators } = await stored()
  assert.deepEqual([flags.a, flags.typed, $evaluators], [on, on, { staff, more: staff }])
  assert.deepEqual([Object.keys(flags).length, wrong.managed], [4, 4])
  const unreadable = await apply({ a: { state: 1 }, typed: on, uses, fine: on }, { query: '?prune=true' })
  assert.deepEqual((await stored()).flags.a, on, 'a flag that cannot be read is not pruned')
  assert.equal(unreadable.refused[0].pointer, '/flags/a/state')
})

test('keep names what stays although the document does not name it', async () => {
  const staff = { ends_with: [{ var: 'email' }, '@example.com'] }
  await apply({ a: on, b: on }, { $evaluators: { staff } })
  const kept = await apply({ b: off }, { query: '?prune=true', keep: ['/flags/a', '/$evaluators/staff'] })
  assert.deepEqual([kept.removed, kept.released, kept.updated, kept.managed], [[], [], ['b'], 2])
  assert.equal((await call('PUT', `${path}/segments/staff`, { rule: { '!': { var: 'email' } } })).body.code, 'managed')
  const gone = await apply({ b: off }, { query: '?prune=true' })
  assert.deepEqual([gone.removed, gone.segments], [['a'], true])
  const wrong = await call('PUT', `${path}${MANAGED}`, { flags: {}, keep: 'a' })
  assert.deepEqual([wrong.status, wrong.body.errors[0].pointer], [400, '/keep'])
})

test('a name without a system, and If-Match with an old revision, are refused', async () => {
  assert.equal((await call('PUT', `${path}/managers/someone`, { flags: {} })).status, 400)
  const { revision } = await apply({ a: on })
  const response = await fetch(`${it.address}${path}${MANAGED}`, {
    method: 'PUT',
    headers: { 'x-api-key': ADMIN_KEY, 'content-type': 'application/json', 'if-match': `"${revision - 1}"` },
    body: '{"flags":{}}',
  })
  assert.equal(response.status, 412)
})
