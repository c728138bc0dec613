import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { openService, type Service } from '../../../support/service.ts'

let service: Service
let made = 0
let environment: string
before(async () => {
  service = await openService()
})
after(() => service.close())
beforeEach(async () => {
  made += 1
  environment = `/api/v1/projects/shares-${made}/environments/test`
  await call('POST', '/api/v1/projects', { body: { key: `shares-${made}` } })
  await call('POST', `/api/v1/projects/shares-${made}/environments`, { body: { key: 'test' } })
})

const call: Service['call'] = (...given) => service.call(...given)
const flag = (more: object = {}) => ({
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'off',
  ...more,
})
const on = { if: [true, 'on'] }
const put = async (path: string, body: object) => {
  const answer = await call('PUT', `${environment}/${path}`, { body })
  assert.equal(answer.status, 200, answer.text)
  return answer
}
const users = Array.from({ length: 600 }, (_, index) => `user-${index}`)
/** The users that get "on", of each flag. */
async function usersOn(...keys: string[]): Promise<Set<string>[]> {
  const sets = keys.map(() => new Set<string>())
  for (const user of users) {
    const { body } = await call('POST', '/ofrep/v1/evaluate/flags', {
      body: { context: { targetingKey: user } },
      headers: { 'flagd-selector': `flagSetId=shares-${made}/test` },
    })
    for (const { key, value } of body.flags) if (value === true) sets[keys.indexOf(key)]?.add(user)
  }
  return sets
}
const near = (count: number, share: number) =>
  assert.ok(Math.abs(count / users.length - share) < 0.07, `${count} of ${users.length}, not ${share}`)
const grouped = (slot: string, rule: object = on) => flag({ flagstaff: { rule, group: { name: 'checkout', slot } } })
const group = (slots: Readonly<Record<string, number>>, more: object = {}) => ({
  slots: Object.entries(slots).map(([slot, places]) => ({ slot, places })),
  ...more,
})

test('X1 growthbook#54: flags of one group have no user in common, and the others have none', async () => {
  const { body } = await put('groups/checkout', group({ a: 30_000, b: 60_000 }))
  assert.deepEqual(body.slots, [
    { slot: 'a', places: 30_000 },
    { slot: 'b', places: 60_000 },
  ])
  assert.deepEqual([body.free, body.moves], [10_000, { moved: 0, entered: 90_000, left: 0 }])
  await put('flags/a', grouped('a'))
  await put('flags/b', grouped('b'))
  const [a, b] = await usersOn('a', 'b')
  assert.ok(a && b && a.isDisjointFrom(b))
  near(a.size, 0.3)
  near(b.size, 0.6)
})

test('X2 growthbook#1506: two experiments of one flag are two slots of a group', async () => {
  await put('groups/checkout', group({ 'color-1': 50_000, 'color-2': 50_000 }))
  const slot = (name: string) => ({ '==': [{ $ref: 'fs.group.checkout' }, name] })
  const variants = { first: 1, second: 2 }
  const color = { state: 'ENABLED', variants, targeting: { if: [slot('color-1'), 'first', slot('color-2'), 'second'] } }
  await put('flags/color', color)
  const counts = new Map<number, number>()
  for (const user of users.slice(0, 200)) {
    const { body } = await call('POST', '/ofrep/v1/evaluate/flags/color', {
      body: { context: { targetingKey: user } },
      headers: { 'flagd-selector': `flagSetId=shares-${made}/test` },
    })
    counts.set(body.value, (counts.get(body.value) ?? 0) + 1)
  }
  assert.equal((counts.get(1) ?? 0) + (counts.get(2) ?? 0), 200)
  assert.ok((counts.get(1) ?? 0) > 70 && (counts.get(2) ?? 0) > 70)
})

test('X3 growthbook#4113: users of a holdout get none of the flags that name it, and a rollout reaches both kinds alike', async () => {
  await put('holdouts/global', { share: 20_000 })
  const half = { fractional: [{ cat: ['r:', { var: 'targetingKey' }] }, ['on', 50], ['off', 50]] }
  await put('flags/a', flag({ flagstaff: { rule: half, holdouts: ['global'] } }))
  await put('flags/b', flag({ flagstaff: { rule: on, holdouts: ['global'] } }))
  await put('flags/free', flag({ targeting: half }))
  const [a, b, free] = await usersOn('a', 'b', 'free')
  assert.ok(a && b && free)
  near(b.size, 0.8)
  for (const user of a) assert.ok(b.has(user) && free.has(user))
  // χ² of the fourfold table holdout × rollout with one degree of freedom: below 10.8 with a probability of 99.9 %.
  const [held, released] = [users.length - b.size, b.size]
  const heldIn = free.difference(b).size
  const expected = (held * free.size) / users.length
  const chi =
    ((heldIn - expected) ** 2 / expected) * (users.length / released) * (users.length / (users.length - free.size))
  assert.ok(chi < 10.8, `χ² is ${chi}`)
})

test('X4 growthbook#6730: new shares move only what changes', async () => {
  const quarters = { fractional: ['a', 'b', 'c', 'd'].map((name) => [name, 25]) }
  await put('flags/x', { state: 'ENABLED', variants: { a: 'a', b: 'b', c: 'c', d: 'd' }, targeting: quarters })
  const shares = [
    { variant: 'a', share: 50_000 },
    { variant: 'b', share: 50_000 },
  ]
  const dry = await call('PUT', `${environment}/flags/x/split?dryRun=true`, { body: { shares } })
  assert.deepEqual([dry.status, dry.body.moves, dry.body.dryRun], [200, 0.5, true])
  assert.deepEqual((await call('GET', `${environment}/flags/x`)).body.targeting, quarters)
  const { body } = await put('flags/x/split', { shares })
  assert.equal(body.moves, 0.5)
  assert.deepEqual((await call('GET', `${environment}/flags/x`)).body.targeting, {
    fractional: body.ranges.map(({ variant, weight }: { variant: string; weight: number }) => [variant, weight]),
  })
})

test('X5 growthbook#4918: an arm is dropped without moving users of the others', async () => {
  const targeting = {
    fractional: [
      ['a', 40],
      ['b', 40],
      ['c', 20],
    ],
  }
  await put('flags/x', { state: 'ENABLED', variants: { a: 'a', b: 'b', c: 'c' }, targeting })
  const shares = [
    { variant: 'a', share: 40_000 },
    { variant: 'b', share: 60_000 },
  ]
  const { body } = await put('flags/x/split', { shares })
  assert.equal(body.moves, 0.2)
  assert.deepEqual(body.ranges, [
    { variant: 'a', weight: 2 },
    { variant: 'b', weight: 3 },
  ])
})

test('X6 growthbook-kotlin#198: a user keeps the variant while shares grow and shrink elsewhere', async () => {
  await put('groups/checkout', group({ a: 30_000 }))
  await put('flags/a', grouped('a'))
  const [before] = await usersOn('a')
  await put('groups/checkout', group({ a: 30_000, b: 20_000, c: 50_000 }))
  await put('groups/checkout', group({ a: 30_000, c: 50_000 }))
  const [after] = await usersOn('a')
  assert.deepEqual(after, before)
})

test('X7 planout#163: the unit of a group is an attribute of its own', async () => {
  await put('groups/accounts', { by: 'account', ...group({ a: 50_000 }) })
  await put('flags/a', flag({ flagstaff: { rule: on, group: { name: 'accounts', slot: 'a' } } }))
  const evaluate = async (context: object) =>
    (
      await call('POST', '/ofrep/v1/evaluate/flags/a', {
        body: { context },
        headers: { 'flagd-selector': `flagSetId=shares-${made}/test` },
      })
    ).body.value
  for (let account = 0; account < 20; account += 1) {
    const values = new Set<boolean>()
    for (const user of users.slice(0, 5))
      values.add(await evaluate({ targetingKey: user, account: `account-${account}` }))
    assert.equal(values.size, 1)
  }
  assert.equal(await evaluate({ targetingKey: 'user-1' }), false)
})

test('X8 posthog#14817: to keep the shares of an experiment changes nothing', async () => {
  const targeting = {
    fractional: [
      ['on', 1],
      ['off', 4],
    ],
  }
  await put('flags/x', flag({ targeting }))
  const { body } = await put('flags/x/split', {
    shares: [
      { variant: 'on', share: 20_000 },
      { variant: 'off', share: 80_000 },
    ],
  })
  assert.equal(body.moves, 0)
  assert.deepEqual((await call('GET', `${environment}/flags/x`)).body.targeting, targeting)
})

test('a slot takes places of another one only with "move", and a slot in use is not removed', async () => {
  await put('groups/checkout', group({ a: 60_000, b: 40_000 }))
  await put('flags/a', grouped('a'))
  const taking = group({ a: 50_000, b: 50_000 })
  const refused = await call('PUT', `${environment}/groups/checkout`, { body: taking })
  assert.equal(refused.status, 409, refused.text)
  const dry = await put('groups/checkout?dryRun=true', { ...taking, move: true })
  assert.deepEqual(dry.body.moves, { moved: 10_000, entered: 0, left: 0 })
  assert.equal((await call('GET', `${environment}/groups/checkout`)).body.slots[0].places, 60_000)
  const gone = await call('PUT', `${environment}/groups/checkout`, { body: group({ b: 40_000 }) })
  assert.equal(gone.status, 409)
  assert.deepEqual([gone.body.code, gone.body.usedBy.flags], ['in_use', [{ key: 'a', path: [] }]])
})

test('groups and holdouts in use are not deleted; unused ones go with their segments', async () => {
  await put('groups/checkout', group({ a: 60_000 }))
  await put('holdouts/global', { share: 1_000 })
  await put('flags/a', flag({ flagstaff: { rule: on, group: { name: 'checkout', slot: 'a' }, holdouts: ['global'] } }))
  for (const path of ['groups/checkout', 'holdouts/global']) {
    const { status, body } = await call('DELETE', `${environment}/${path}`)
    assert.deepEqual([status, body.code, body.usedBy.count], [409, 'in_use', 1])
  }
  await put('flags/a', flag())
  for (const path of ['groups/checkout', 'holdouts/global'])
    assert.equal((await call('DELETE', `${environment}/${path}`)).status, 204)
  assert.deepEqual((await call('GET', `${environment}/segments`)).body.items, [])
  assert.equal((await call('GET', `${environment}/groups/checkout`)).status, 404)
})

test('groups and holdouts have ETags, which a stale client does not overwrite', async () => {
  for (const [path, body] of [
    ['groups/checkout', group({ a: 60_000 })],
    ['holdouts/global', { share: 1_000 }],
  ] as const) {
    const made = await put(path, body)
    const { headers } = await call('GET', `${environment}/${path}`)
    assert.equal(headers.get('etag'), made.headers.get('etag'))
    const other = await call('PUT', `${environment}/${path}`, { body, headers: { 'if-match': '"0"' } })
    assert.equal(other.status, 412)
    const absent = await call('PUT', `${environment}/${path}`, { body, headers: { 'if-none-match': '*' } })
    assert.equal(absent.status, 412)
    const { body: list } = await call('GET', `${environment}/${path.split('/')[0]}`)
    assert.deepEqual(
      list.items.map(({ name }: { name: string }) => name),
      [path.split('/')[1]],
    )
  }
})

for (const [path, body, pointer] of [
  ['groups/checkout', group({ a: 60_000, b: 50_000 }), '/slots/1/places'],
  [
    'groups/checkout',
    {
      slots: [
        { slot: 'a', places: 1 },
        { slot: 'a', places: 2 },
      ],
    },
    '/slots/1/slot',
  ],
  ['groups/checkout', { slots: [{ slot: 'a', places: 0 }] }, '/slots/0/places'],
  ['groups/checkout', { by: '$flagd.flagKey', slots: [] }, '/by'],
  ['groups/No', { slots: [] }, '/name'],
  ['holdouts/global', { share: 100_001 }, '/share'],
  ['holdouts/global', { share: 1, until: 1_800_000_000_000 }, '/until'],
] as const)
  test(`PUT ${path} of ${JSON.stringify(body)} is refused at ${pointer}`, async () => {
    const answer = await call('PUT', `${environment}/${path}`, { body })
    assert.equal(answer.status, 400, answer.text)
    assert.deepEqual(
      answer.body.errors.map((error: { pointer: string }) => error.pointer),
      [pointer],
    )
  })

test('a flag names a slot that its group has, and a group and holdout that exist', async () => {
  await put('groups/checkout', group({ a: 60_000 }))
  for (const [plan, message] of [
    [{ group: { name: 'checkout', slot: 'z' } }, /has no slot/],
    [{ group: { name: 'none', slot: 'a' } }, /fs\.group\.none/],
    [{ holdouts: ['none'] }, /fs\.holdout\.none/],
  ] as const) {
    const answer = await call('PUT', `${environment}/flags/a`, { body: flag({ flagstaff: { rule: on, ...plan } }) })
    assert.equal(answer.status, 400, answer.text)
    assert.match(answer.text, message)
  }
})

test('another attribute of a group or holdout moves all users, and is refused without "move"', async () => {
  await put('groups/checkout', group({ a: 60_000 }))
  await put('holdouts/global', { share: 1_000 })
  for (const [path, body] of [
    ['groups/checkout', group({ a: 60_000 })],
    ['holdouts/global', { share: 1_000 }],
  ] as const) {
    const changed = { ...body, by: 'account' }
    assert.equal((await call('PUT', `${environment}/${path}`, { body: changed })).status, 409)
    assert.equal((await put(path, { ...changed, move: true })).body.by, 'account')
  }
})

test('a larger holdout keeps its users', async () => {
  await put('holdouts/global', { share: 10_000 })
  await put('flags/b', flag({ flagstaff: { rule: on, holdouts: ['global'] } }))
  const [before] = await usersOn('b')
  await put('holdouts/global', { share: 40_000 })
  const [after] = await usersOn('b')
  assert.ok(before && after?.isSubsetOf(before) && after.size < before.size)
})

test('overrides give single users a variant before every rule, and are taken back', async () => {
  await put('flags/a', flag({ targeting: { if: [{ '==': [{ var: 'plan' }, 'pro'] }, 'on', null] } }))
  const evaluate = async (targetingKey: string) =>
    (
      await call('POST', '/ofrep/v1/evaluate/flags/a', {
        body: { context: { targetingKey } },
        headers: { 'flagd-selector': `flagSetId=shares-${made}/test` },
      })
    ).body.value
  const post = (body: object) => call('POST', `${environment}/flags/a/overrides`, { body })
  const added = await post({ targetingKey: 'ada', variant: 'on' })
  assert.equal(added.status, 200, added.text)
  assert.deepEqual(added.body.overrides, [{ targetingKey: 'ada', variant: 'on' }])
  assert.deepEqual([await evaluate('ada'), await evaluate('eve')], [true, false])
  await post({ targetingKey: 'ada', variant: 'off' })
  assert.equal(await evaluate('ada'), false)
  const removed = await call('DELETE', `${environment}/flags/a/overrides/ada`)
  assert.deepEqual([removed.status, removed.body.overrides], [200, []])
  assert.equal((await call('DELETE', `${environment}/flags/a/overrides/ada`)).status, 404)
  assert.equal((await post({ targetingKey: 'ada', variant: 'none' })).status, 400)
  assert.deepEqual((await post({ targetingKey: 'ada', variant: 'on', until: 1_000 })).body.errors[0].pointer, '/until')
  assert.equal(
    (await call('POST', `${environment}/flags/none/overrides`, { body: { targetingKey: 'a', variant: 'on' } })).status,
    404,
  )
})

test('an override ends by itself at its second', async () => {
  await put('flags/a', flag())
  const until = Math.floor(Date.now() / 1_000) + 3_600
  await call('POST', `${environment}/flags/a/overrides`, { body: { targetingKey: 'ada', variant: 'on', until } })
  const explained = async (now: number) =>
    (
      await call('POST', `${environment}/explain`, {
        body: { flags: ['a'], context: { targetingKey: 'ada' }, at: new Date(now * 1_000).toISOString() },
      })
    ).text
  assert.match(await explained(until - 1), /"variant":"on"/)
  assert.match(await explained(until), /"variant":"off"/)
})

for (const [body, pointer] of [
  [{ shares: [{ variant: 'none', share: 100_000 }] }, '/shares/0/variant'],
  [{ shares: [{ variant: 'on', share: 50_000 }] }, '/shares'],
  [
    {
      shares: [
        { variant: 'on', share: 50_000 },
        { variant: 'on', share: 50_000 },
      ],
    },
    '/shares/1/variant',
  ],
] as const)
  test(`the split ${JSON.stringify(body)} is refused at ${pointer}`, async () => {
    await put(
      'flags/x',
      flag({
        targeting: {
          fractional: [
            ['on', 1],
            ['off', 4],
          ],
        },
      }),
    )
    const answer = await call('PUT', `${environment}/flags/x/split`, { body })
    assert.equal(answer.status, 400)
    assert.equal(answer.body.errors[0].pointer, pointer)
  })

test('the split of a flag with a plan is that of its rule', async () => {
  await put(
    'flags/x',
    flag({
      flagstaff: {
        rule: {
          fractional: [
            ['on', 1],
            ['off', 4],
          ],
        },
      },
    }),
  )
  await put('flags/x/split', {
    shares: [
      { variant: 'on', share: 40_000 },
      { variant: 'off', share: 60_000 },
    ],
  })
  const { body } = await call('GET', `${environment}/flags/x`)
  assert.deepEqual(body.flagstaff.rule, body.targeting)
  assert.deepEqual(body.targeting.fractional.flat().length, 6)
})
