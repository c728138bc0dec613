import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { type Listening, openListening } from '../../../support/listening.ts'
import { callOf, type PlanCall, pointersOf, seconds } from '../../../support/plan-api.ts'

// Rollouts by verbs, what time will do, and the schedule, over a socket.

let it: Listening
let made = 0
let path: string
let environment: Awaited<ReturnType<Listening['environment']>>
let call: PlanCall
before(async () => {
  it = await openListening()
})
beforeEach(async () => {
  made += 1
  environment = await it.environment(`plans-${made}`)
  path = environment.path
  call = callOf(it, path)
  await call('PUT', '/flags/a', off)
})
after(() => it.close())

const [HOUR, DAY] = [3_600, 86_400]
const off = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off' }
const ON = { to: { variant: 'on' } }
const RAMP = { until: 0, fromShare: 0, toShare: 100_000 }
const verb = (name: string, body: unknown = {}, headers = {}) => call('POST', `/flags/a/plan/${name}`, body, headers)
const plan = async (query = '') => (await call('GET', `/flags/a/plan${query}`)).body

/** A ramp of ten hours that began five hours ago: a document brings the history of its flags. */
async function halfway(more: readonly object[] = []): Promise<number> {
  const at = seconds() - 5 * HOUR
  const rollout = { ...ON, salt: 's', shape: { ramp: { ...RAMP, until: at + 10 * HOUR } } }
  const flagstaff = { timeline: [{ at, rollout }, ...more] }
  assert.equal((await call('PUT', '/flagset', { flags: { a: { ...off, flagstaff } } })).status, 200)
  return at
}

test('a rollout starts now, with its own salt, on top of the rule that the flag has', async () => {
  const targeting = { if: [{ '==': [{ var: 'plan' }, 'pro'] }, 'on'] }
  await call('PUT', '/flags/a', { ...off, targeting })
  const { status, body, etag } = await verb('rollout', { ...ON, ramp: { for: '7d' }, note: 'to everybody' })
  assert.equal(status, 201, JSON.stringify(body))
  assert.deepEqual([body.plan.rule, body.arm, body.paused, body.finished], [targeting, 0, false, false])
  const [arm] = body.plan.timeline
  assert.equal(body.next, arm.at + 7 * DAY)
  assert.match(arm.rollout.salt, /^r:a:/)
  assert.deepEqual([arm.note, arm.rollout.from], ['to everybody', { base: true }])
  const read = await call('GET', '/flags/a')
  assert.deepEqual([read.etag, read.body.targeting], [etag, body.targeting])
})

test('go-feature-flag#2054: ?at= shows the plan at another second', async () => {
  const { body } = await verb('rollout', {
    ...ON,
    start: seconds() + DAY,
    steps: [
      { after: '0s', share: 25_000 },
      { after: '1d', share: 100_000 },
    ],
  })
  const [{ at }] = body.plan.timeline
  const states = []
  for (const second of [at - 1, at, at + DAY]) {
    const { arm, share, next, finished, at: shown } = await plan(`?at=${second}`)
    states.push([arm, share?.percent ?? null, next, finished, shown - second])
  }
  assert.deepEqual(states, [
    [null, null, at, false, 0],
    [0, 25, at + DAY, false, 0],
    [0, 100, null, true, 0],
  ])
  assert.equal((await call('GET', '/flags/a/plan?at=yesterday')).status, 400)
})

test('growthbook#5098: the present share is in the answer, exactly', async () => {
  await halfway()
  const { share, now, at } = await plan()
  assert.equal(at, now)
  assert.equal(share.exact[1], 10 * HOUR)
  assert.ok(Math.abs(share.percent - 50) < 1)
})

test('Unleash#11015: pause keeps the share of the rollout and nothing else; resume shifts or keeps the dates', async () => {
  const end = seconds() + 30 * DAY
  await halfway([{ at: end, serve: { variant: 'on' } }])
  const paused = (await verb('pause')).body
  assert.deepEqual([paused.paused, paused.finished, paused.next], [true, false, end])
  assert.deepEqual((await plan(`?at=${end - 1}`)).share, paused.share)
  assert.equal((await verb('pause')).status, 409)
  const resumed = (await verb('resume')).body
  assert.deepEqual([resumed.paused, resumed.share.exact[1]], [false, 10 * HOUR])
  assert.equal((await verb('resume')).status, 409)
  const { body } = await call('GET', '/flags/a')
  const at = body.flagstaff.timeline.findLast((arm: any) => 'rollout' in arm).rollout.shape.ramp.until
  await verb('pause')
  const kept = (await call('POST', '/flags/a/plan/resume?dates=keep', {})).body
  assert.equal(kept.next, at)
})

test('growthbook#6984: after a retreat nothing that was planned happens', async () => {
  await halfway([{ at: seconds() + 30 * DAY, serve: { variant: 'on' } }])
  const back = (await verb('retreat', { how: 'now' })).body
  assert.deepEqual([back.next, back.finished, back.share], [null, true, null])
  assert.equal((await verb('retreat', { how: 'now' })).status, 409)
  await halfway()
  const slowly = (await verb('retreat', { how: 'first-in-last-out' })).body
  assert.ok(Math.abs(slowly.next - seconds() - 5 * HOUR) < 120)
  assert.equal((await plan(`?at=${slowly.next}`)).share.percent, 0)
  assert.equal((await verb('retreat', { how: 'slowly' })).status, 400)
})

test('finish and cancel', async () => {
  await halfway()
  const early = await verb('finish')
  assert.deepEqual([early.status, early.body.code], [409, 'conflict'])
  const finished = (await call('POST', '/flags/a/plan/finish?early=true', {})).body
  assert.deepEqual([finished.plan, finished.targeting], [{ v: 1, rule: { if: [true, 'on'] } }, { if: [true, 'on'] }])
  await halfway()
  const cancelled = (await verb('cancel')).body
  assert.deepEqual([cancelled.finished, Math.round(cancelled.share.percent)], [true, 50])
  assert.equal((await verb('cancel')).status, 409)
})

test('mozilla/experimenter#8299: a smaller share needs "leave", and the answer says how many leave', async () => {
  await halfway()
  assert.equal((await verb('rollout', { ...ON, ramp: { for: '1d' } })).status, 409)
  const less = { ...ON, steps: [{ after: '0s', share: 10_000 }] }
  const refused = await call('POST', '/flags/a/plan/rollout?replace=true', less)
  assert.match(refused.body.errors[0].detail, /^Share falls from (49|50).* % to 10 %/)
  const { status, body } = await call('POST', '/flags/a/plan/rollout?replace=true&leave=true', less)
  assert.equal(status, 201)
  assert.match(body.warnings[0], /^(39|40).* % of people leave the rollout at \d+$/)
})

test('wasabi#157: a replaced rollout goes on from its share', async () => {
  await halfway()
  const { share } = await plan()
  const { body } = await call('POST', '/flags/a/plan/rollout?replace=true', { ...ON, ramp: { for: '1d' } })
  assert.ok(body.share.percent >= share.percent && body.share.percent < share.percent + 1)
  assert.equal(body.plan.timeline.at(-1).rollout.salt, 's')
})

test('verbs need a plan, an order without mistakes, and the revision that the client saw', async () => {
  assert.equal((await call('GET', '/flags/a/plan')).status, 404)
  assert.equal((await call('GET', '/flags/none/plan')).status, 404)
  for (const name of ['pause', 'resume', 'finish', 'cancel']) assert.equal((await verb(name)).status, 409, name)
  assert.equal((await verb('retreat', { how: 'now' })).status, 409)
  assert.equal((await call('POST', '/flags/none/plan/pause', {})).status, 404)
  const order = { to: { variant: 'gone' }, steps: [{ after: '1h', share: 100_001 }] }
  assert.deepEqual(pointersOf(await verb('rollout', order)), ['/steps/0/share'])
  const gone = await verb('rollout', { to: { variant: 'gone' }, ramp: { for: '1d' } })
  assert.deepEqual(pointersOf(gone), ['/flagstaff/timeline/0/rollout/to/variant'])
  const stale = await verb('rollout', { ...ON, ramp: { for: '1d' } }, { 'if-match': '"1"' })
  assert.equal(stale.status, 412)
  const { etag } = await call('GET', '/flags/a')
  const comment = await call(
    'POST',
    '/flags/a/plan/rollout?comment=go',
    { ...ON, ramp: { for: '1d' } },
    { 'if-match': etag },
  )
  assert.equal(comment.status, 201)
  const { body } = await call('GET', '/flags/a/history')
  assert.deepEqual([body.items[0].comment, body.items[0].after.flagstaff], ['go', comment.body.plan])
})

test('a viewer reads plans and the schedule, and changes none', async () => {
  await halfway()
  const [project, key] = environment.flagSetId.split('/')
  const made = await call('POST', '/api/v1/keys', {
    name: 'v',
    role: 'viewer',
    environment: { project, environment: key },
  })
  const as = { 'x-api-key': made.body.secret }
  for (const target of ['/flags/a/plan', '/schedule'])
    assert.equal((await call('GET', target, undefined, as)).status, 200)
  for (const name of ['rollout', 'pause', 'resume', 'retreat', 'finish', 'cancel'])
    assert.equal((await verb(name, { how: 'now' }, as)).status, 403, name)
})

test('flipt#2203: the schedule lists everything that time will change, by whom', async () => {
  const at = await halfway()
  const local = { local: '2027-07-15T09:30', zone: 'Europe/London' }
  const arm = { at: local, serve: { variant: 'on' }, note: 'launch' }
  await call('PUT', '/flags/b', { ...off, flagstaff: { timeline: [arm] } })
  const { body } = await call('GET', '/schedule')
  const launch = Date.parse('2027-07-15T08:30Z') / 1_000
  assert.deepEqual(
    body.items.map((entry: any) => [entry.flag, entry.at, entry.what, entry.share?.percent, entry.local, entry.note]),
    [
      ['a', at + 10 * HOUR, 'ramp_end', 100, null, null],
      ['b', launch, 'serve', undefined, '2027-07-15T09:30:00+01:00', 'launch'],
    ],
  )
  for (const { by, moved } of body.items) assert.deepEqual([typeof by, moved], ['string', false])
  const past = await call('GET', `/schedule?from=${new Date((at - 1) * 1_000).toISOString()}&limit=1`)
  assert.deepEqual([past.body.items[0].what, past.body.next], ['ramp_start', '1'])
  const rest = await call('GET', `/schedule?from=${new Date((at - 1) * 1_000).toISOString()}&limit=2&offset=1`)
  assert.deepEqual(
    rest.body.items.map((entry: any) => entry.what),
    ['ramp_end', 'serve'],
  )
  const until = await call('GET', '/schedule?to=2027-07-15T08:30:00Z')
  assert.deepEqual(
    until.body.items.map((entry: any) => entry.flag),
    ['a'],
  )
})

test('the bucketing does not change while a rollout runs, unless forced', async () => {
  await halfway()
  const refused = await call('PATCH', '', { bucketing: 'v1' })
  assert.deepEqual([refused.status, refused.body.code], [409, 'conflict'])
  assert.match(refused.body.detail, /rollouts of "a"/)
  assert.equal((await call('PATCH', '', { name: 'other' })).status, 200)
  assert.equal((await call('PATCH', '?force=true', { bucketing: 'v1' })).body.bucketing, 'v1')
  await call('POST', '/flags/a/plan/finish?early=true', {})
  assert.equal((await call('PATCH', '', { bucketing: 'v2' })).status, 200)
})
