import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { differenceOf } from '../../../../src/flag/flag-set.ts'
import { openService, type Service } from '../../../support/service.ts'

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
  project = `/api/v1/projects/needs-${made}`
  environment = `${project}/environments/test`
  await call('POST', '/api/v1/projects', { body: { key: `needs-${made}` } })
  await call('POST', `${project}/environments`, { body: { key: 'test' } })
})

const call: Service['call'] = (...given) => service.call(...given)
const flag = (more: object = {}) => ({
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'off',
  ...more,
})
const on = { if: [true, 'on'] }
const needing = (key: string, variants: readonly string[] = ['on'], more: object = {}) =>
  flag({ flagstaff: { rule: on, needs: [{ flag: key, variants, ...more }] } })
const put = (key: string, definition: object) =>
  call('PUT', `${environment}/flags/${encodeURIComponent(key)}`, { body: definition })
async function store(flags: Readonly<Record<string, object>>): Promise<void> {
  for (const [key, definition] of Object.entries(flags)) {
    const { status, text } = await put(key, definition)
    assert.equal(status, 200, text)
  }
}
const apply = (flags: object, query = '') => call('PUT', `${environment}/flagset${query}`, { body: { flags } })
const evaluate = async (key: string, context: object = { targetingKey: 'ada' }) => {
  const { body } = await call('POST', `/ofrep/v1/evaluate/flags/${encodeURIComponent(key)}`, {
    body: { context },
    headers: { 'flagd-selector': `flagSetId=needs-${made}/test` },
  })
  return body.value
}
const pointersOf = ({ body, status }: { body: any; status: number }, wanted = 400) => {
  assert.equal(status, wanted, JSON.stringify(body))
  return (body.errors ?? []).map(({ pointer }: { pointer: string }) => pointer)
}

test('N1 go-feature-flag#5567, #5583: needs are transitive, also beyond the parent', async () => {
  await store({ a: flag({ targeting: on }), b: needing('a'), c: needing('b'), d: needing('c') })
  assert.equal(await evaluate('d'), true)
  await store({ a: flag() })
  assert.equal(await evaluate('d'), false)
})

test('N2 Unleash/client-specification#63: any of a list of variants suffices', async () => {
  const colors = { red: 'r', green: 'g', blue: 'b' }
  const a = {
    state: 'ENABLED',
    variants: colors,
    defaultVariant: 'red',
    targeting: { if: [{ '==': [{ var: 'n' }, 1] }, 'green', null] },
  }
  await store({ a, b: needing('a', ['green', 'blue']) })
  assert.equal(await evaluate('b', { n: 1 }), true)
  assert.equal(await evaluate('b', { n: 2 }), false)
})

test('N3 Unleash/client-specification#75: a flag that needs "on" runs where that is on, and "not" where it is not', async () => {
  await store({
    a: flag({ targeting: { if: [{ var: 'x' }, 'on', null] } }),
    b: needing('a'),
    c: needing('a', ['on'], { not: true }),
  })
  assert.deepEqual([await evaluate('b', { x: 1 }), await evaluate('c', { x: 1 })], [true, false])
  assert.deepEqual([await evaluate('b', {}), await evaluate('c', {})], [false, true])
})

test('N4 bucketeer#968: a change of the prerequisite names the flags that need it', async () => {
  await store({ a: flag(), b: needing('a'), c: needing('b'), other: flag() })
  const earlier = await service.snapshots.newest(`needs-${made}/test`)
  await store({ a: flag({ targeting: on }) })
  const later = await service.snapshots.newest(`needs-${made}/test`)
  assert.deepEqual([...differenceOf(earlier.flagSet, later.flagSet).keys()].sort(), ['a', 'b', 'c'])
})

for (const length of [1, 2, 3, 4, 5])
  test(`N5 posthog#79994: a cycle of ${length} flags is refused with its path, and no flag vanishes`, async () => {
    const keys = ['a', 'b', 'c', 'd', 'e'].slice(0, length)
    await store(Object.fromEntries(keys.map((key) => [key, flag()])))
    const chained = Object.fromEntries(keys.map((key, at) => [key, needing(keys[(at + 1) % length] ?? '')]))
    const file = await apply(chained)
    assert.equal(file.status, 400)
    const path = [...keys, keys[0]].join(' → ')
    assert.ok(file.text.includes(`lead back: ${path}`), file.text)
    for (const [key, definition] of Object.entries(chained).slice(0, -1))
      if (length > 1) await store({ [key]: definition })
    const [last = ''] = keys.slice(-1)
    assert.deepEqual(pointersOf(await put(last, chained[last] ?? {})), ['/flagstaff/needs/0/flag'])
    for (const key of keys) assert.equal(await evaluate(key), false)
  })

test('N6 posthog#29016: a flag depends on another flag for the same user, with its share', async () => {
  const half = {
    fractional: [
      ['on', 50],
      ['off', 50],
    ],
  }
  await store({ a: flag({ targeting: half }), b: needing('a') })
  for (let index = 0; index < 50; index += 1) {
    const context = { targetingKey: `user-${index}` }
    assert.equal(await evaluate('b', context), await evaluate('a', context))
  }
})

test('N7 growthbook#1993: a prerequisite need not be boolean', async () => {
  const limits = { state: 'ENABLED', variants: { small: 10, large: 100 }, defaultVariant: 'small' }
  const theme = { state: 'ENABLED', variants: { dark: { c: 1 }, light: { c: 2 } }, defaultVariant: 'dark' }
  await store({ limits, theme, b: needing('limits', ['small']), c: needing('theme', ['light']) })
  assert.deepEqual([await evaluate('b'), await evaluate('c')], [true, false])
})

test('N8 Unleash#4987: an absent or archived parent is refused, and so is an unknown variant', async () => {
  assert.deepEqual(pointersOf(await put('b', needing('gone'))), ['/flagstaff/needs/0/flag'])
  await store({ a: flag() })
  assert.deepEqual(pointersOf(await put('b', needing('a', ['on', 'none']))), ['/flagstaff/needs/0/variants/1'])
  await call('PATCH', `${project}/flags/a`, { body: { archived: true } })
  assert.deepEqual(pointersOf(await put('b', needing('a'))), ['/flagstaff/needs/0/flag'])
  const loose = await apply({ b: needing('a') }, '?strict=false')
  assert.equal(loose.status, 200, loose.text)
  assert.equal(loose.body.warnings[0].pointer, '/flags/b/flagstaff/needs/0/flag')
  assert.equal(await evaluate('b'), false)
})

test('a rule that cannot be needed is refused also where mistakes are allowed, because the gate would not be what it says', async () => {
  await store({ a: flag({ targeting: on }), b: needing('a') })
  const listed = flag({ targeting: { if: [{ var: 'beta' }, ['on'], 'off'] } })
  assert.deepEqual(pointersOf(await apply({ a: listed, b: needing('a') }, '?strict=false')), [
    '/flags/a/targeting/if/1',
  ])
  assert.equal(await evaluate('b'), true)
})

test('N9 Unleash#4952, #5024: a needed flag is not archived, deleted or pruned, unless those that need it go with it', async () => {
  await store({ a: flag({ targeting: on }), b: needing('a') })
  for (const answer of [
    await call('PATCH', `${project}/flags/a`, { body: { archived: true } }),
    await call('DELETE', `${environment}/flags/a`),
    await apply({ b: needing('a') }, '?prune=true'),
  ]) {
    assert.equal(answer.status, 409, answer.text)
    assert.equal(answer.body.code, 'in_use')
    assert.deepEqual(answer.body.usedBy, { count: 1, flags: [{ key: 'b', path: [] }], segments: [] })
  }
  assert.equal(await evaluate('b'), true)
  assert.equal((await apply({ other: flag() }, '?prune=true')).status, 200)
  const { body } = await call('GET', `${environment}/segments`)
  assert.deepEqual(body.items, [])
})

test('N10 yggdrasil#49: a disabled parent has no variant, whatever its rule and default are', async () => {
  const a = flag({ targeting: on, defaultVariant: 'on', state: 'DISABLED' })
  await store({ a, b: needing('a'), c: needing('a', ['on', 'off'], { not: true }) })
  assert.deepEqual([await evaluate('b'), await evaluate('c')], [false, true])
  await store({ a: { ...a, state: 'ENABLED' } })
  assert.deepEqual([await evaluate('b'), await evaluate('c')], [true, false])
})

test('N11 flagsmith#1674: prerequisites are shown in both directions', async () => {
  await store({ a: flag(), b: needing('a'), c: needing('a') })
  assert.deepEqual((await call('GET', `${project}/flags/a`)).body.neededBy, [
    { environment: 'test', flag: 'b' },
    { environment: 'test', flag: 'c' },
  ])
  assert.deepEqual((await call('GET', `${project}/flags/b`)).body.neededBy, [])
  const { body } = await call('GET', `${environment}/flags/b`)
  assert.deepEqual(body.flagstaff.needs, [{ flag: 'a', variants: ['on'] }])
})

test('a rule that leaves what can be needed is refused with the flag that needs it', async () => {
  await store({ a: flag(), b: needing('a') })
  const computed = await put('a', flag({ targeting: { cat: ['o', { var: 'n' }] } }))
  assert.deepEqual(pointersOf(computed), ['/targeting/cat'])
  assert.match(computed.text, /needed by \\"b\\"/)
  await store({ c: flag({ targeting: { cat: ['o', { var: 'n' }] } }) })
  const asking = await put('d', needing('c'))
  assert.deepEqual(pointersOf(asking), ['/flagstaff/needs/0/flag'])
  assert.match(asking.text, /its \/targeting\/cat/)
})

test('a variant that is needed cannot be removed', async () => {
  await store({ a: flag(), b: needing('a') })
  const { status, text } = await put('a', { state: 'ENABLED', variants: { off: false }, defaultVariant: 'off' })
  assert.equal(status, 400)
  assert.match(text, /Variant \\"on\\" is needed by flag \\"b\\"/)
})

test('a segment that the needed rule refers to changes the flag that needs it', async () => {
  await call('PUT', `${environment}/segments/staff`, { body: { rule: { '==': [{ var: 'role' }, 'staff'] } } })
  await store({ a: flag({ targeting: { if: [{ $ref: 'staff' }, 'on', null] } }), b: needing('a') })
  assert.equal(await evaluate('b', { role: 'staff' }), true)
  await call('PUT', `${environment}/segments/staff`, { body: { rule: { '==': [{ var: 'role' }, 'admin'] } } })
  assert.equal(await evaluate('b', { role: 'staff' }), false)
  assert.equal(await evaluate('b', { role: 'admin' }), true)
})

test('names of generated segments are reserved, and cannot be changed by hand', async () => {
  await store({ a: flag(), b: needing('a') })
  for (const answer of [
    await call('PUT', `${environment}/segments/fs.flag.a`, { body: { rule: { '!': [1] } } }),
    await call('DELETE', `${environment}/segments/fs.flag.a`),
    await call('POST', `${environment}/segments/fs.flag.a/rename`, { body: { to: 'x' } }),
    await call('PUT', `${environment}/segments/fs.other`, { body: { rule: { '!': [1] } } }),
  ])
    assert.equal(answer.status, 400, answer.text)
  assert.equal((await call('GET', `${environment}/segments/fs.flag.a`)).status, 200)
})

test('export and import change nothing, and a key with any characters can be needed', async () => {
  const key = 'é/"\\<&>(1)'
  await store({ [key]: flag({ targeting: on }), b: needing(key) })
  assert.equal(await evaluate('b'), true)
  for (const query of ['', '?portable=false']) {
    const { body: file } = await call('GET', `${environment}/flagset${query}`)
    const again = await call('PUT', `${environment}/flagset?prune=true`, { body: file })
    assert.equal(again.status, 200, again.text)
    assert.deepEqual(again.body.differences, [])
    assert.equal(again.body.segments, false)
  }
})

test('needs that are too many, unknown or of another shape are refused with their places', async () => {
  await store({ a: flag() })
  for (const [plan, pointer] of [
    [{ needs: 'a' }, '/flagstaff/needs'],
    [{ needs: ['a'] }, '/flagstaff/needs/0'],
    [{ needs: [{ flag: 1, variants: ['on'] }] }, '/flagstaff/needs/0/flag'],
    [{ needs: [{ flag: 'a' }] }, '/flagstaff/needs/0/variants'],
    [{ needs: [{ flag: 'a', variants: [] }] }, '/flagstaff/needs/0/variants'],
    [{ needs: [{ flag: 'a', variants: [1] }] }, '/flagstaff/needs/0/variants/0'],
    [{ needs: [{ flag: 'a', variants: ['on'], not: false }] }, '/flagstaff/needs/0/not'],
    [{ needs: [{ flag: 'a', variants: ['on'], also: 1 }] }, '/flagstaff/needs/0/also'],
    [{ needs: Array.from({ length: 21 }, () => ({ flag: 'a', variants: ['on'] })) }, '/flagstaff/needs'],
    [{ otherwise: 'none' }, '/flagstaff/otherwise'],
    [{ group: 'g' }, '/flagstaff/group'],
    [{ group: { name: 'g' } }, '/flagstaff/group/slot'],
    [{ holdouts: 'h' }, '/flagstaff/holdouts'],
    [{ holdouts: [1] }, '/flagstaff/holdouts/0'],
    [{ overrides: {} }, '/flagstaff/overrides'],
    [{ overrides: [{ targetingKey: 'u', variant: 'none' }] }, '/flagstaff/overrides/0/variant'],
    [{ overrides: [{ targetingKey: '', variant: 'on' }] }, '/flagstaff/overrides/0/targetingKey'],
    [{ overrides: [{ targetingKey: 'u', variant: 'on', until: 1e12 }] }, '/flagstaff/overrides/0/until'],
    [
      {
        overrides: [
          { targetingKey: 'u', variant: 'on' },
          { targetingKey: 'u', variant: 'off' },
        ],
      },
      '/flagstaff/overrides/1/targetingKey',
    ],
  ] as const)
    assert.deepEqual(pointersOf(await put('b', flag({ flagstaff: { rule: on, ...plan } }))), [pointer])
})

test('a flag that comes back is checked with what it needs, and needed flags come back to those that need them', async () => {
  await store({ a: flag({ targeting: on }), b: needing('a') })
  await call('PATCH', `${project}/flags/b`, { body: { archived: true } })
  await call('PATCH', `${project}/flags/a`, { body: { archived: true } })
  const refused = await call('PATCH', `${project}/flags/b`, { body: { archived: false } })
  assert.equal(refused.status, 400, refused.text)
  assert.match(refused.text, /does not exist in this environment/)
  await call('PATCH', `${project}/flags/a`, { body: { archived: false } })
  assert.equal((await call('PATCH', `${project}/flags/b`, { body: { archived: false } })).status, 200)
  assert.equal(await evaluate('b'), true)
})

test('one transaction adds a need while another deletes the flag: whichever is first, no gate refers to nothing', async () => {
  for (let round = 0; round < 6; round += 1) {
    await store({ a: flag({ targeting: on }), b: flag() })
    const [added, deleted] = await Promise.all([put('b', needing('a')), call('DELETE', `${environment}/flags/a`)])
    const outcome = `${added.status} ${deleted.status}`
    assert.ok(['200 409', '400 204'].includes(outcome), outcome)
  }
})

test('the bucketing does not become v3 while flags need others', async () => {
  await store({ a: flag(), b: needing('a') })
  const { status, text } = await call('PATCH', environment, { body: { bucketing: 'v3' } })
  assert.equal(status, 409, text)
})
