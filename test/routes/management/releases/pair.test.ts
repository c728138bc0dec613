import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Listening, openListening } from '../../../support/listening.ts'
import { callOf, type PlanCall, pointersOf, seconds } from '../../../support/plan-api.ts'

// A plan and the rule that is made from it, for every kind of write, over a socket.

let it: Listening
let made = 0
let path: string
let call: PlanCall
before(async () => {
  it = await openListening()
})
beforeEach(async () => {
  made += 1
  path = (await it.environment(`pair-${made}`)).path
  call = callOf(it, path)
})
after(() => it.close())

const DAY = 86_400
const on = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off' }
const soon = () => seconds() + DAY
const planned = (at: number) => ({ timeline: [{ at, serve: { variant: 'on' } }] })
const rolledOut = (at: unknown, more: object = {}) => ({
  timeline: [{ at, rollout: { to: { variant: 'on' }, shape: { steps: [{ at, share: 10_000 }] }, ...more } }],
})
const compiled = (at: number) => ({ if: [{ '<': [{ var: '$flagd.timestamp' }, at] }, null, 'on'] })

test('a plan without a rule is compiled and stored; both come back, and are accepted together', async () => {
  const at = soon()
  const put = await call('PUT', '/flags/a', { ...on, flagstaff: planned(at) })
  assert.equal(put.status, 200, JSON.stringify(put.body))
  assert.deepEqual(put.body, { ...on, targeting: compiled(at), flagstaff: { v: 1, ...planned(at) } })
  assert.deepEqual((await call('GET', '/flags/a')).body, put.body)
  const again = await call('PUT', '/flags/a', put.body)
  assert.deepEqual([again.status, again.etag], [200, put.etag], 'and changes nothing')
})

test('a rule beside a plan that is another one is refused', async () => {
  const put = await call('PUT', '/flags/a', { ...on, targeting: { if: [true, 'on'] }, flagstaff: planned(soon()) })
  assert.deepEqual(pointersOf(put), ['/targeting'])
  assert.equal(put.body.errors[0].detail, 'Rule differs from what the plan compiles to; leave one of them out')
  const patch = { targeting: { if: [true, 'on'] }, flagstaff: planned(soon()) }
  await call('PUT', '/flags/a', on)
  assert.deepEqual(pointersOf(await call('PATCH', '/flags/a', patch)), ['/targeting'])
})

test('the rule of a plan cannot be patched by itself; the plan and other members can', async () => {
  const at = soon()
  await call('PUT', '/flags/a', { ...on, flagstaff: planned(at) })
  const refused = await call('PATCH', '/flags/a', { targeting: { if: [true, 'on'] } })
  assert.deepEqual([refused.status, refused.body.code], [409, 'conflict'])
  assert.match(refused.body.detail, /change \/flagstaff\/rule, or set flagstaff to null/i)
  const state = await call('PATCH', '/flags/a', { state: 'DISABLED' })
  assert.deepEqual([state.status, state.body.targeting], [200, compiled(at)])
  const rule = { if: [{ '==': [{ var: 'plan' }, 'pro'] }, 'on'] }
  const ruled = await call('PATCH', '/flags/a', { flagstaff: { rule } })
  assert.deepEqual(ruled.body.targeting, { if: [compiled(at).if[0], rule, 'on'] })
  assert.deepEqual(ruled.body.flagstaff.timeline, planned(at).timeline)
})

test('flagstaff: null drops the plan and keeps the rule as it was compiled', async () => {
  const at = soon()
  for (const [method, key, body] of [
    ['PATCH', 'a', { flagstaff: null }],
    ['PUT', 'b', { ...on, flagstaff: null }],
  ] as const) {
    await call('PUT', `/flags/${key}`, { ...on, flagstaff: planned(at) })
    assert.deepEqual((await call(method, `/flags/${key}`, body)).body, { ...on, targeting: compiled(at) })
  }
  const both = await call('PUT', '/flags/c', { ...on, targeting: { if: [true, 'on'] }, flagstaff: null })
  assert.deepEqual(both.body, { ...on, targeting: { if: [true, 'on'] } })
})

test('mistakes in a plan have pointers into the plan', async () => {
  const wrong = [
    [{ v: 2 }, '/flagstaff/v'],
    [{ timeline: [{ at: soon(), serve: { variant: 'gone' } }] }, '/flagstaff/timeline/0/serve/variant'],
    [rolledOut(soon(), { to: { rule: { if: [{ nope: 1 }] } } }), '/flagstaff/timeline/0/rollout/to/rule/if/0/nope'],
    [planned(seconds() * 1_000), '/flagstaff/timeline/0/at'],
  ] as const
  for (const [flagstaff, pointer] of wrong)
    assert.deepEqual(pointersOf(await call('PUT', '/flags/a', { ...on, flagstaff })), [pointer])
  const document = { flags: { a: { ...on, flagstaff: { v: 2 } } } }
  assert.deepEqual(pointersOf(await call('PUT', '/flagset', document)), ['/flags/a/flagstaff/v'])
})

test('a variant that a plan names cannot be removed', async () => {
  await call('PUT', '/flags/a', { ...on, flagstaff: planned(soon()) })
  const patch = await call('PATCH', '/flags/a', { variants: { on: null, other: true } })
  assert.deepEqual(pointersOf(patch), ['/flagstaff/timeline/0/serve/variant'])
})

test('"now" is the second of the write, a salt is made once, and both stay', async () => {
  const before = seconds()
  const put = await call('PUT', '/flags/a', { ...on, flagstaff: rolledOut('now') })
  const [arm] = put.body.flagstaff.timeline
  assert.ok(arm.at >= before - 2 && arm.at <= seconds() + 2)
  assert.match(arm.rollout.salt, /^r:a:[\w-]{8}$/)
  assert.deepEqual([arm.rollout.by, arm.rollout.from], ['targetingKey', { base: true }])
  const { salt: _, ...rollout } = arm.rollout
  const again = await call('PUT', '/flags/a', { ...on, flagstaff: { timeline: [{ ...arm, rollout }] } })
  assert.deepEqual([again.etag, again.body.flagstaff], [put.etag, put.body.flagstaff], 'without the salt as well')
  const local = { local: '2027-07-15T09:30', zone: 'Europe/London' }
  const zoned = await call('PUT', '/flags/b', {
    ...on,
    flagstaff: { timeline: [{ at: local, serve: { variant: 'on' } }] },
  })
  assert.deepEqual(zoned.body.flagstaff.timeline[0].at, { utc: Date.parse('2027-07-15T08:30Z') / 1_000, ...local })
})

test('posthog#38481: an arm in the past is refused unless it is stored; what an arm serves may change', async () => {
  const past = seconds() - 3_600
  assert.deepEqual(pointersOf(await call('PUT', '/flags/a', { ...on, flagstaff: planned(past) })), [
    '/flagstaff/timeline/0/at',
  ])
  // A document brings the history of its flags.
  assert.equal((await call('PUT', '/flagset', { flags: { a: { ...on, flagstaff: planned(past) } } })).status, 200)
  assert.equal((await call('PATCH', '/flags/a', { metadata: { team: 'x' } })).status, 200)
  const other = {
    timeline: [
      { at: past, serve: { variant: 'off' } },
      { at: soon(), serve: { base: true } },
    ],
  }
  assert.equal((await call('PATCH', '/flags/a', { flagstaff: other })).status, 200)
  const moved = { timeline: [{ at: past + 60, serve: { variant: 'off' } }] }
  assert.deepEqual(pointersOf(await call('PATCH', '/flags/a', { flagstaff: moved })), ['/flagstaff/timeline/0/at'])
  assert.deepEqual(
    pointersOf(await call('PUT', '/flagset', { flags: { b: { ...on, flagstaff: rolledOut('now') } } })),
    ['/flags/b/flagstaff/timeline/0/at', '/flags/b/flagstaff/timeline/0/rollout/shape/steps/0/at'],
    '"now" in a document would be another plan each time',
  )
})

test('a document with plans is written without their rules, and an export changes nothing', async () => {
  const $evaluators = { staff: { ends_with: [{ var: 'email' }, '@example.com'] }, team: { $ref: 'staff' } }
  const rule = { if: [{ $ref: 'team' }, 'on'] }
  const flags = { a: { ...on, flagstaff: { rule, ...rolledOut(soon()) } }, b: on }
  const $schema = 'https://flagd.dev/schema/v0/flags.json'
  const put = await call('PUT', '/flagset', { $schema, flags, $evaluators })
  assert.equal(put.status, 200, JSON.stringify(put.body))
  for (const query of ['portable=true', 'portable=false']) {
    const { body } = await call('GET', `/flagset?${query}`)
    assert.equal(body.flags.a.flagstaff.v, 1)
    const again = await call('PUT', '/flagset?prune=true', { ...body, $evaluators })
    assert.deepEqual([again.status, again.body.revision], [200, put.body.revision], JSON.stringify(again.body))
  }
  const without = await call('PUT', '/flagset', { flags })
  assert.equal(without.body.revision, put.body.revision, 'and neither does the document itself')
})

test('a manager applies plans without drift, and is refused flags whose plans have mistakes', async () => {
  const managed = `/managers/${encodeURIComponent('kubernetes:shop/production')}`
  const flags = { a: { ...on, flagstaff: rolledOut(soon()) }, b: { ...on, flagstaff: { v: 3 } } }
  const first = await call('PUT', managed, { flags })
  assert.deepEqual([first.status, first.body.created], [200, ['a']], JSON.stringify(first.body))
  assert.deepEqual(
    first.body.refused.map(({ pointer }: { pointer: string }) => pointer),
    ['/flags/b/flagstaff/v'],
  )
  const again = await call('PUT', managed, { flags })
  assert.deepEqual([again.body.revision, again.body.drifted], [first.body.revision, []])
})

test('a rollback brings back the plan with its rule, also when its moments have passed', async () => {
  const first = await call('PUT', '/flagset', {
    flags: { a: { ...on, flagstaff: rolledOut(seconds() - DAY, { salt: 's' }) } },
  })
  const stored = (await call('GET', '/flags/a')).body
  await call('PUT', '/flags/a', on)
  const back = await call('POST', '/flags/a/rollback', { revision: first.body.revision })
  assert.equal(back.status, 200, JSON.stringify(back.body))
  assert.deepEqual(back.body.definition, stored)
})

test('a rollback warns of moments that have passed since: they are in force at once', async () => {
  const at = seconds() + 2
  await call('PUT', '/flags/a', { ...on, flagstaff: planned(at) })
  const first = (await call('GET', '/flags/a')).etag
  await call('PUT', '/flags/a', on)
  while (seconds() <= at) await sleep(100)
  const back = await call('POST', '/flags/a/rollback', { revision: Number(first.slice(1, -1)) })
  assert.deepEqual(pointersOf({ status: 400, body: { errors: back.body.warnings } }), ['/flagstaff/timeline/0'])
  assert.match(back.body.warnings[0].detail, new RegExp(`passed meanwhile, at ${at}:`))
})

test('a segment that a plan reaches is in use, and is renamed in the plan as well', async () => {
  const $evaluators = { staff: { ends_with: [{ var: 'email' }, '@example.com'] } }
  const rule = { if: [{ $ref: 'staff' }, 'on'] }
  const flags = { a: { ...on, flagstaff: { rule, ...rolledOut(soon()) } } }
  await call('PUT', '/flagset', { flags, $evaluators })
  assert.equal((await call('DELETE', '/segments/staff')).body.code, 'in_use')
  const renamed = await call('POST', '/segments/staff/rename', { to: 'team' })
  assert.equal(renamed.status, 200, JSON.stringify(renamed.body))
  const { body } = await call('GET', '/flags/a')
  assert.deepEqual(body.flagstaff.rule, { if: [{ $ref: 'team' }, 'on'] })
  assert.ok(JSON.stringify(body.targeting).includes('"team"') && !JSON.stringify(body).includes('"staff"'))
})

test('no provider gets the plan, and all evaluate its rule', async () => {
  const environment = await it.environment(`pair-sync-${made}`)
  const flags = { a: { ...on, flagstaff: rolledOut(seconds() - 60, { salt: 's' }) } }
  await callOf(it, environment.path)('PUT', '/flagset', { flags })
  const response = await fetch(`${it.address}/v1/flags`, { headers: { 'x-api-key': environment.serverKey } })
  const document: any = await response.json()
  assert.deepEqual(Object.keys(document.flags.a).sort(), ['defaultVariant', 'state', 'targeting', 'variants'])
  const values = await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const answer = await fetch(`${it.address}/ofrep/v1/evaluate/flags/a`, {
        method: 'POST',
        headers: { 'x-api-key': environment.clientKey, 'content-type': 'application/json' },
        body: JSON.stringify({ context: { targetingKey: `user ${index}` } }),
      })
      return ((await answer.json()) as { value: boolean }).value
    }),
  )
  const inside = values.filter(Boolean).length
  assert.ok(inside > 0 && inside < 40, `${inside} of 100 in a rollout at 10 %`)
})
