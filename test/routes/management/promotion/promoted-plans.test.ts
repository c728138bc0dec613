import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { sql } from 'drizzle-orm'
import { openService, type Service } from '../../../support/service.ts'

// Flags with plans between environments: prerequisites, groups, holdouts and timelines.

let service: Service
let made = 0
let name: string
let project: string
before(async () => {
  service = await openService()
})
after(() => service.close())
beforeEach(async () => {
  made += 1
  name = `carried-${made}`
  project = `/api/v1/projects/${name}`
  await send('POST', '/api/v1/projects', { key: name })
  for (const key of ['dev', 'prod']) await send('POST', `${project}/environments`, { key })
})

async function send(method: string, path: string, body?: object) {
  const { status, body: answer } = await service.call(method, path, { ...(body && { body }) })
  return { status, body: answer }
}
const flag = (more: object = {}) => ({
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'off',
  ...more,
})
const on = { if: [true, 'on'] }
const planned = (plan: object) => flag({ flagstaff: { rule: on, ...plan } })
const needing = (key: string) => planned({ needs: [{ flag: key, variants: ['on'] }] })
async function put(environment: string, path: string, body: object) {
  const { status, body: answer } = await send('PUT', `${project}/environments/${environment}/${path}`, body)
  assert.equal(status, 200, JSON.stringify(answer))
}
const compare = async () => (await send('GET', `${project}/compare?source=dev&target=prod`)).body
const promote = (flags: object[], more: object = {}) =>
  send('POST', `${project}/promote`, { source: 'dev', target: 'prod', flags, ...more })
async function promoted(flags: object[], more: object = {}) {
  const { status, body } = await promote(flags, more)
  assert.equal(status, 200, JSON.stringify(body))
  return body
}
const take = { state: 'take' }
const messages = ({ status, body }: { status: number; body: any }) => {
  assert.equal(status, 400, JSON.stringify(body))
  return (body.errors ?? []).map(({ pointer, detail }: any) => `${pointer}: ${detail}`)
}
async function evaluate(key: string, context: object = { targetingKey: 'ada' }, environment = 'prod') {
  const { body } = await service.call('POST', `/ofrep/v1/evaluate/flags/${key}`, {
    body: { context },
    headers: { 'flagd-selector': `flagSetId=${name}/${environment}` },
  })
  return body.value
}

test('segments of needed flags are neither compared nor carried, but made anew of the flags of the target', async () => {
  await put('dev', 'flags/a', flag({ targeting: { if: [{ var: 'dev' }, 'on', 'off'] } }))
  await put('dev', 'flags/b', needing('a'))
  await put('prod', 'flags/a', flag({ targeting: { if: [{ var: 'prod' }, 'on', 'off'] } }))
  await put('prod', 'flags/other', needing('a'))
  const { items, segments } = await compare()
  assert.deepEqual(segments, [])
  assert.deepEqual(
    items.map(({ flag, segments, needs }: any) => [flag, segments, needs]),
    [
      ['a', [], []],
      ['b', [], ['a']],
      ['other', [], []],
    ],
  )
  assert.deepEqual((await promoted([{ flag: 'b' }], take)).segments, [])
  assert.deepEqual([await evaluate('b', { prod: 1 }), await evaluate('b', { dev: 1 })], [true, false])
  await promoted([{ flag: 'a', members: ['/targeting'] }])
  assert.deepEqual([await evaluate('b', { prod: 1 }), await evaluate('b', { dev: 1 })], [false, true])
  assert.deepEqual(messages(await promote([{ flag: 'b' }], { resolveSegments: { 'fs.flag.a': 'source' } })), [
    '/resolveSegments/fs.flag.a: Segment "fs.flag.a" is generated: it is made anew in "prod"',
  ])
})

test('a flag that needs another one is promoted where the target has that one, or together with it', async () => {
  await put('dev', 'flags/a', flag({ targeting: { if: [{ var: 'x' }, 'on', 'off'] } }))
  await put('dev', 'flags/b', needing('a'))
  await put('dev', 'flags/c', needing('b'))
  assert.deepEqual(messages(await promote([{ flag: 'c' }, { flag: 'b' }], take)), [
    '/flags/1/flag: Flag "b" needs flag "a", which is neither in "prod" nor carried with it',
  ])
  await promoted([{ flag: 'c' }, { flag: 'b' }, { flag: 'a' }], take)
  assert.deepEqual([await evaluate('c', { x: 1 }), await evaluate('c', {})], [true, false])
  await send('PATCH', `${project}/environments/prod/flags/a`, { targeting: { if: [{ var: 'y' }, 'on', 'off'] } })
  assert.deepEqual([await evaluate('c', { x: 1 }), await evaluate('c', { y: 1 })], [false, true])
})

test('a group or holdout that the target lacks is named, and that of the target decides', async () => {
  const body = { slots: [{ slot: 'a', places: 100_000 }] }
  await put('dev', 'groups/checkout', body)
  await put('dev', 'holdouts/quarter', { share: 0 })
  await put('dev', 'flags/a', planned({ group: { name: 'checkout', slot: 'a' }, holdouts: ['quarter'] }))
  assert.deepEqual((await compare()).items[0].segments, [])
  assert.deepEqual(messages(await promote([{ flag: 'a' }], take)), [
    '/flags/0/flag: Flag "a" refers to group "checkout", which does not exist in "prod"; create it there first',
    '/flags/0/flag: Flag "a" refers to holdout "quarter", which does not exist in "prod"; create it there first',
  ])
  await put('prod', 'groups/checkout', body)
  await put('prod', 'holdouts/quarter', { share: 100_000 })
  await promoted([{ flag: 'a' }], take)
  assert.deepEqual([await evaluate('a', { targetingKey: 'ada' }, 'dev'), await evaluate('a')], [true, false])
})

const half = { to: { variant: 'on' }, shape: { steps: [{ at: 'now', share: 50_000 }] } }

test('a copied flag is rolled out to other people than its original, and its rule is that of its plan', async () => {
  const timeline = [{ at: 'now', rollout: half }]
  await put('dev', 'flags/a', flag({ flagstaff: { timeline } }))
  const { status, body } = await send('POST', `${project}/environments/dev/flags/a/copy`, { to: 'b', state: 'take' })
  assert.equal(status, 201, JSON.stringify(body))
  const { body: read } = await send('GET', `${project}/environments/dev/flags/b`)
  assert.deepEqual(read.flagstaff, body.definition.flagstaff)
  assert.deepEqual(read.targeting, body.definition.targeting)
  assert.match(read.flagstaff.timeline[0].rollout.salt, /^r:b:/)
  const people = Array.from({ length: 40 }, (_, index) => ({ targetingKey: `user-${index}` }))
  const valuesOf = (key: string) => Promise.all(people.map((context) => evaluate(key, context, 'dev')))
  assert.notDeepEqual(await valuesOf('a'), await valuesOf('b'))
})

test('"/targeting" carries the plan of a flag with one, its segments as well', async () => {
  await put('dev', 'flags/a', planned({}))
  await promoted([{ flag: 'a' }], take)
  await put('dev', 'segments/beta', { rule: { '==': [{ var: 'beta' }, 1] } })
  await put('dev', 'flags/a', flag({ flagstaff: { rule: { if: [{ $ref: 'beta' }, 'on', 'off'] } } }))
  const { changed, segments } = await promoted([{ flag: 'a', members: ['/targeting'] }])
  assert.deepEqual([changed[0].members, segments], [['/flagstaff/rule'], ['beta']])
  assert.deepEqual([await evaluate('a', { beta: 1 }), await evaluate('a')], [true, false])
  await put('dev', 'flags/a', planned({}))
  assert.deepEqual((await promoted([{ flag: 'a', resolve: { '/targeting': 'target' } }])).changed, [])
  await promoted([{ flag: 'a', resolve: { '/targeting': 'source' } }])
  assert.equal(await evaluate('a'), true)
})

const DAY = 86_400
const nowSecond = () => Math.floor(Date.now() / 1_000)

test('what is planned is carried only if plans is said, and dropped it leaves what is served now', async () => {
  const later = nowSecond() + 10 * DAY
  const served = { at: 'now', serve: { rule: { if: [{ var: 'beta' }, 'on', 'off'] } } }
  const timeline = [served, { at: later, serve: { variant: 'on' } }]
  await put('dev', 'flags/b', flag({ targeting: on }))
  await put('dev', 'flags/a', planned({ timeline, needs: [{ flag: 'b', variants: ['on'] }] }))
  const flags = [{ flag: 'a' }, { flag: 'b' }]
  const at = new Date(later * 1_000).toISOString().replace('.000', '')
  for (const dryRun of [true, false])
    assert.deepEqual(messages(await promote(flags, { ...take, dryRun })), [
      `/plans: The timeline of flag "a" changes what it serves at ${at}`,
    ])
  const read = async () => (await send('GET', `${project}/environments/prod/flags/a`)).body
  await promoted(flags, { ...take, plans: 'drop' })
  assert.deepEqual((await read()).flagstaff, {
    v: 1,
    rule: served.serve.rule,
    needs: [{ flag: 'b', variants: ['on'] }],
  })
  assert.deepEqual([await evaluate('a', { beta: 1 }), await evaluate('a')], [true, false])
  assert.deepEqual((await promoted([{ flag: 'a' }])).changed, [], 'the timeline was left out, and stays so')
  await promoted([{ flag: 'a', members: ['/metadata'] }])
  await promoted([{ flag: 'a', resolve: { '/flagstaff/rule': 'source' } }])
  const whole = [{ flag: 'a', resolve: { '/flagstaff': 'source' } }]
  assert.equal(messages(await promote(whole)).length, 1)
  await promoted(whole, { plans: 'asIs' })
  assert.deepEqual((await read()).flagstaff, (await send('GET', `${project}/environments/dev/flags/a`)).body.flagstaff)
})

test('a timeline without arms in the future is carried without a word', async () => {
  await put('dev', 'flags/a', flag({ flagstaff: { timeline: [{ at: 'now', rollout: half }] } }))
  await promoted([{ flag: 'a' }], take)
  const { body } = await send('GET', `${project}/environments/prod/flags/a`)
  assert.equal(body.flagstaff.timeline.length, 1)
})

test('rules that another version of the compiler has made are promoted, compiled anew', async () => {
  await put('dev', 'flags/a', planned({}))
  await put('prod', 'flags/b', planned({}))
  await put('dev', 'flags/b', { ...planned({}), metadata: { team: 'web' } })
  const ofProject = sql`(select id from flagstaff.projects where key = ${name})`
  const other = sql`update flagstaff.definitions set definition =
    jsonb_set(definition::jsonb, '{targeting}', '{"if":[{"or":[true]},"on"]}')::json
    where flag_id in (select id from flagstaff.flags where project_id = ${ofProject})`
  await service.store.database.write((tx) => tx.execute(other))
  await promoted([{ flag: 'a' }, { flag: 'b', members: ['/metadata'] }], take)
  for (const key of ['a', 'b'])
    assert.deepEqual((await send('GET', `${project}/environments/prod/flags/${key}`)).body.targeting, on)
})
