import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { FlagdCore } from '@openfeature/flagd-core'
import { sql } from 'drizzle-orm'
import { type Listening, openListening } from '../../support/listening.ts'
import { ADMIN_KEY } from '../../support/service.ts'

// Whole flag sets over a socket: what is stored, what is rejected, and how flagd evaluates an export.

let it: Listening
let made = 0
let path: string
before(async () => {
  it = await openListening()
})
beforeEach(async () => {
  made += 1
  path = (await it.environment(`document-${made}`)).path
})
after(() => it.close())

async function call(method: string, target: string, body?: unknown) {
  const response = await fetch(`${it.address}${path}${target}`, {
    method,
    headers: { 'x-api-key': ADMIN_KEY, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const answer: any = await response.json().catch(() => undefined)
  return { status: response.status, body: answer, etag: response.headers.get('etag') ?? '' }
}

const on = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
const uses = (name: string) => ({ ...on, targeting: { if: [{ $ref: name }, 'off', null] } })
const staff = { ends_with: [{ var: 'email' }, '@example.com'] }

test('members without a meaning for the service are stored, and exported again', async () => {
  const document = {
    $schema: 'https://flagd.dev/schema/v0/flagd.json',
    _comment: { by: ['ada', null, 1.5] },
    'x-team': 'checkout',
    flags: { a: { ...on, _note: 'of one flag' } },
    $evaluators: { staff },
    metadata: { owner: 'team' },
  }
  const first = await call('PUT', '/flagset', document)
  assert.deepEqual([first.status, first.body.members], [200, true], JSON.stringify(first.body))
  assert.deepEqual((await call('GET', '/flagset')).body, document)
  const again = await call('PUT', '/flagset?prune=true', document)
  assert.deepEqual([again.body.members, again.body.revision], [false, first.body.revision])
  const other = await call('PUT', '/flagset', { _comment: 'new', flags: {} })
  assert.deepEqual([other.body.members, other.body.revision], [true, first.body.revision + 1])
  const { body } = await call('GET', '/flagset')
  assert.deepEqual([body._comment, body['x-team'], body.$schema], ['new', 'checkout', document.$schema])
  const dry = await call('PUT', '/flagset?prune=true&dryRun=true', { flags: { a: document.flags.a } })
  assert.equal(dry.body.members, true)
  await call('PUT', '/flagset?prune=true', { flags: { a: document.flags.a } })
  const bare = await call('GET', '/flagset')
  assert.deepEqual(bare.body, { $schema: 'https://flagd.dev/schema/v0/flags.json', flags: { a: document.flags.a } })
  const large = await call('PUT', '/flagset', { flags: {}, note: 'n'.repeat(70_000) })
  assert.equal(large.status, 400)
})

test('a strict PUT is refused for mistakes of its changes, not of other stored flags', async () => {
  const wrong = { ...on, targeting: { if: [{ nope: 1 }, 'on', { $ref: 'gone' }] } }
  const $evaluators = { staff, broken: { nope: 1 }, users: { or: [{ $ref: 'staff' }, { nope: 2 }] } }
  const stored = { flags: { wrong, a: uses('staff'), b: uses('users') }, $evaluators }
  assert.equal((await call('PUT', '/flagset?strict=false', stored)).status, 200)
  // A new flag, a changed segment and metadata, with all earlier mistakes unchanged.
  const good = await call('PUT', '/flagset', { flags: { c: uses('staff') }, metadata: { team: 'x' } })
  assert.equal(good.status, 200, JSON.stringify(good.body))
  const other = { ends_with: [{ var: 'email' }, '@example.org'] }
  const segment = await call('PUT', '/flagset', { flags: {}, $evaluators: { staff: other } })
  assert.deepEqual([segment.status, segment.body.warnings], [200, []], JSON.stringify(segment.body))
  const whole = await call('PUT', '/flagset?prune=true', { ...stored, flags: { ...stored.flags, c: uses('staff') } })
  assert.equal(whole.status, 200, JSON.stringify(whole.body))
  // Mistakes that a change causes in unchanged flags and segments count as its own.
  for (const [staff, places] of [
    [{ nope: 3 }, ['/$evaluators/staff/nope']],
    [
      { $ref: 'users' },
      [
        '/$evaluators/staff',
        '/$evaluators/users/or/0',
        '/flags/a/targeting/if/0',
        '/flags/b/targeting/if/0',
        '/flags/c/targeting/if/0',
      ],
    ],
  ] as const) {
    const refused = await call('PUT', '/flagset', { flags: {}, $evaluators: { staff } })
    assert.deepEqual([refused.status, refused.body.errors.map(({ pointer }: any) => pointer).sort()], [400, places])
  }
  const removed = await call('PUT', '/flagset?prune=true', {
    flags: stored.flags,
    $evaluators: { broken: $evaluators.broken, users: $evaluators.users },
  })
  assert.deepEqual(
    removed.body.errors.map(({ pointer }: any) => pointer),
    ['/$evaluators/users/or/0', '/flags/a/targeting/if/0'],
  )
  const changed = await call('PUT', '/flagset', { flags: { wrong: { ...wrong, defaultVariant: 'off' } } })
  assert.equal(changed.status, 400)
})

test('problems lists mistakes, page by page, with their places in the stored document', async () => {
  assert.deepEqual((await call('GET', '/problems')).body, { items: [], next: null })
  const flags = Object.fromEntries(
    Array.from({ length: 130 }, (_, index) => [`flag-${index}`, index % 13 === 0 ? uses('gone') : on]),
  )
  const many = { ...on, targeting: { or: Array.from({ length: 50 }, () => ({ nope: 1 })) } }
  const lost = { ...on, defaultVariant: 'none' }
  const document = {
    flags: { ...flags, many, lost },
    $evaluators: { dangling: { '!': { $ref: 'gone' } }, fine: staff },
  }
  const stored = await call('PUT', '/flagset?strict=false', document)
  assert.equal(stored.status, 200, JSON.stringify(stored.body))
  const items: any[] = []
  for (let next: string | null = ''; next !== null; ) {
    const { status, body, etag } = await call('GET', `/problems?limit=5&after=${encodeURIComponent(next)}`)
    assert.deepEqual([status, etag], [200, stored.etag])
    assert.ok(body.items.length <= 5)
    items.push(...body.items)
    next = body.next
  }
  assert.equal(items.length, 13)
  const keys = items.map(({ subject, key }) => `${subject}:${key}`)
  assert.deepEqual(keys, [...keys].sort())
  const of = (key: string) => items.find((item) => item.key === key)
  assert.deepEqual(of('flag-0').errors, [
    { pointer: '/flags/flag-0/targeting/if/0', detail: 'Segment "gone" does not exist' },
  ])
  assert.deepEqual(of('dangling').errors, [
    { pointer: '/$evaluators/dangling/!', detail: 'Segment "gone" does not exist' },
  ])
  assert.deepEqual(of('lost').errors, [
    { pointer: '/flags/lost/defaultVariant', detail: 'Default variant "none" is no variant' },
  ])
  assert.deepEqual([of('many').errors.length, of('many').errorsLeftOut], [20, 30])
  assert.equal((await call('GET', '/problems?limit=0')).status, 400)
  const { paths } = (await (await fetch(`${it.address}/openapi.json`)).json()) as { paths: Record<string, unknown> }
  assert.ok(paths['/api/v1/projects/{project}/environments/{environment}/problems'])
})

test('flagd-core loads an export and evaluates it to the same values', async () => {
  const document = {
    flags: { a: uses('testers'), b: uses('staff'), c: { ...on, targeting: null } },
    $evaluators: { testers: { and: [{ $ref: 'staff' }, { var: 'beta' }] }, staff },
  }
  assert.equal((await call('PUT', '/flagset', document)).status, 200)
  const { body } = await call('GET', '/flagset')
  assert.deepEqual(body.$evaluators.testers, { and: [staff, { var: 'beta' }] })
  assert.deepEqual(body.flags, document.flags)
  assert.deepEqual((await call('GET', '/flagset?portable=false')).body.$evaluators, document.$evaluators)
  assert.equal((await call('GET', '/flagset?portable=maybe')).status, 400)
  const core = new FlagdCore()
  core.setConfigurations(JSON.stringify(body))
  for (const context of [{}, { email: 'a@example.com' }, { email: 'a@example.com', beta: true }])
    for (const key of ['a', 'b', 'c']) {
      const response = await fetch(`${it.address}/ofrep/v1/evaluate/flags/${key}`, {
        method: 'POST',
        headers: { 'x-api-key': ADMIN_KEY, 'flagd-selector': `flagSetId=document-${made}/test` },
        body: JSON.stringify({ context }),
      })
      const { value } = (await response.json()) as { value: unknown }
      assert.equal(value, core.resolveBooleanEvaluation(key, false, context).value, key)
    }
})

test('segments that flagd cannot load are refused, and stored ones stay in use', async () => {
  const put = (name: string, rule: unknown, query = '') =>
    call('PUT', `/flagset${query}`, { flags: {}, $evaluators: { [name]: rule } })
  for (const name of ['a"b', 'a\\b', 'a<b', 'a>b', 'a&b', 'a\nb'])
    for (const query of ['', '?strict=false']) {
      const refused = await put(name, staff, query)
      assert.equal(refused.status, 400, name)
      assert.match(refused.body.errors[0].detail, /flagd cannot match/)
    }
  for (const rule of [{}, [], 1, 'a'.slice(1)]) assert.equal((await put('short', rule, '?strict=false')).status, 400)
  assert.equal((await put('fine.name ü', staff)).status, 200)
  // As stored by an earlier version.
  const segments = JSON.stringify({ 'a<b': staff })
  await it.service.store.database.write((tx) =>
    tx.execute(
      sql`update flagstaff.environments set segments = ${segments}::json where id = (select max(id) from flagstaff.environments)`,
    ),
  )
  const live = await call('PUT', '/flagset?prune=true', { flags: { a: uses('a<b') }, $evaluators: { 'a<b': staff } })
  assert.equal(live.status, 200, JSON.stringify(live.body))
  assert.deepEqual((await call('GET', '/flagset')).body.flags.a.targeting, { if: [staff, 'off', null] })
})

test('a seed of cat over an attribute that may be missing is a warning on save', async () => {
  const split = { fractional: [{ cat: ['salt', { var: 'email' }] }, ['on', 1], ['off', 1]] }
  const flag = { ...on, targeting: split }
  const warning = (pointer: string) => [
    {
      pointer,
      detail:
        'Engines differ where "email" is missing: guard the attribute, as in {"if": [{"var": "email"}, {"fractional": …}]}',
    },
  ]
  const put = await call('PUT', '/flags/a', flag)
  assert.deepEqual([put.status, put.body], [200, { ...flag, warnings: warning('/targeting/fractional/0/cat/1') }])
  assert.deepEqual((await call('GET', '/flags/a')).body, flag)
  // A response can be sent back as a request.
  assert.equal((await call('PUT', '/flags/a', { ...put.body, state: 'DISABLED' })).status, 200)
  assert.deepEqual((await call('GET', '/flags/a')).body, { ...flag, state: 'DISABLED' })
  const patched = await call('PATCH', '/flags/a', { state: 'ENABLED' })
  assert.deepEqual(patched.body.warnings, put.body.warnings)
  const guarded = await call('PUT', '/flags/a', { ...on, targeting: { if: [{ var: 'email' }, split] } })
  assert.equal('warnings' in guarded.body, false)
  const whole = await call('PUT', '/flagset', { flags: { a: flag }, $evaluators: { half: { '==': [split, 'on'] } } })
  assert.deepEqual(whole.body.warnings, [
    ...warning('/$evaluators/half/==/0/fractional/0/cat/1'),
    ...warning('/flags/a/targeting/fractional/0/cat/1'),
  ])
})
