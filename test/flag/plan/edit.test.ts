import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPlan } from '../../../src/flag/plan/check-plan.ts'
import { describePlan, planWarnings } from '../../../src/flag/plan/describe-plan.ts'
import {
  cancelPlan,
  dropTimeline,
  finishPlan,
  pauseRollout,
  resumeRollout,
  retreatRollout,
} from '../../../src/flag/plan/edit/edit.ts'
import { startRollout } from '../../../src/flag/plan/edit/start-rollout.ts'
import type { Plan } from '../../../src/flag/plan/plan.ts'
import { readOrder } from '../../../src/flag/plan/read/order.ts'
import { readPlan } from '../../../src/flag/plan/read/plan.ts'
import { DAY, HOUR, planOf, START, served, USERS, usersOf, VARIANTS } from '../../support/plans.ts'

type Options = { readonly now?: number; readonly replace?: boolean; readonly leave?: boolean; readonly salt?: string }

function start(
  plan: Plan,
  order: object,
  { now = START, replace = false, leave = false, salt = 'new' }: Options = {},
): Plan {
  const started = startRollout(plan, readOrder(order, now), { now, replace, leave, newSalt: () => salt })
  return checked(started)
}

/** The plan; the test fails if it has mistakes, or changes when it is written and read. */
function checked(plan: Plan): Plan {
  const { plan: read, mistakes } = readPlan(JSON.parse(JSON.stringify(plan)), { pointer: '', newSalt: () => 'none' })
  assert.deepEqual(mistakes, [])
  assert.deepEqual(read, plan)
  assert.deepEqual(checkPlan(plan, { variants: VARIANTS, segments: new Map(), pointer: '' }), [])
  return plan
}

const EMPTY: Plan = { v: 1 }
const ON = { to: { variant: 'on' } }
const RAMP = start(EMPTY, { ...ON, ramp: { for: '10h' } })
const STEPS = start(EMPTY, {
  ...ON,
  steps: [
    { after: '0s', share: 10_000 },
    { after: '6h', share: 50_000 },
    { after: '1d', share: 100_000 },
  ],
})
const on = (plan: Plan, second: number) => usersOf(plan, 'on', second)

for (const [name, plan] of [
  ['ramp', RAMP],
  ['steps', STEPS],
] as const) {
  const paused = checked(pauseRollout(plan, START + 7 * HOUR))
  test(`a paused rollout (${name}) keeps its users until it is resumed`, () => {
    const inside = on(plan, START + 7 * HOUR)
    assert.ok(inside.size > 0 && inside.size < USERS.length)
    for (const later of [7 * HOUR, 8 * HOUR, 30 * DAY]) assert.deepEqual(on(paused, START + later), inside)
    assert.deepEqual(on(paused, START + HOUR), on(plan, START + HOUR), 'and the past')
  })

  test(`a resumed rollout (${name}) is the same one, later`, () => {
    const resumed = checked(resumeRollout(paused, START + 9 * HOUR, 'shift'))
    for (let second = 9 * HOUR; second <= 3 * DAY; second += HOUR / 2)
      assert.deepEqual(on(resumed, START + second), on(plan, START + second - 2 * HOUR), `at ${second}`)
    assert.deepEqual(on(resumed, START + 8 * HOUR), on(paused, START + 8 * HOUR))
  })

  test(`a rollout (${name}) that is resumed with its dates kept has its shares on the planned days`, () => {
    const resumed = checked(resumeRollout(paused, START + 8 * HOUR, 'keep'))
    let before = on(paused, START + 8 * HOUR - 1)
    for (let second = 8 * HOUR; second <= 2 * DAY; second += HOUR / 2) {
      const inside = on(resumed, START + second)
      assert.ok(before.isSubsetOf(inside))
      before = inside
    }
    assert.deepEqual(on(resumed, START + DAY), on(plan, START + DAY))
    assert.deepEqual(on(checked(resumeRollout(paused, START + 9 * DAY, 'keep')), START + 9 * DAY).size, USERS.length)
  })

  test(`a retreat (${name}) at once has no user in, and nothing of the rollout happens later`, () => {
    const back = checked(retreatRollout(plan, START + 7 * HOUR, 'now'))
    for (const later of [7 * HOUR, DAY, 9 * DAY]) assert.equal(on(back, START + later).size, 0)
    assert.deepEqual(on(back, START + 5 * HOUR), on(plan, START + 5 * HOUR))
  })

  test(`a retreat (${name}), first in last out, is the rollout backwards: no user enters`, () => {
    const pivot = START + 7 * HOUR
    const back = checked(retreatRollout(plan, pivot, 'first-in-last-out'))
    let before = on(plan, pivot)
    for (let second = 0; second <= 2 * DAY; second += HOUR / 4) {
      const inside = on(back, pivot + second)
      assert.ok(inside.isSubsetOf(before), `a user entered at ${second}`)
      const then = on(plan, pivot - second)
      // Steps end a second later than they begin, seen backwards.
      assert.ok(then.isSubsetOf(inside) || on(plan, pivot - second - 1).isSubsetOf(inside), `at ${second}`)
      before = inside
    }
    assert.equal(before.size, 0)
    assert.equal(describePlan(back, pivot + 2 * DAY).finished, true)
  })

  test(`a paused rollout (${name}) retreats from the share that it stopped at`, () => {
    const now = START + 5 * DAY
    const back = checked(retreatRollout(paused, now, 'first-in-last-out'))
    assert.deepEqual(on(back, now), on(paused, now))
    assert.ok(on(back, now + 2 * HOUR).isSubsetOf(on(paused, now)))
    assert.equal(on(back, now + DAY).size, 0)
  })

  test(`a cancelled rollout (${name}) stays as it is now`, () => {
    const cancelled = checked(cancelPlan(plan, START + 7 * HOUR))
    for (const later of [7 * HOUR, 9 * DAY]) assert.deepEqual(on(cancelled, START + later), on(plan, START + 7 * HOUR))
    assert.equal(describePlan(cancelled, START + 8 * HOUR).finished, true)
    assert.throws(() => cancelPlan(cancelled, START + 8 * HOUR), /Cannot cancel: nothing is planned/)
  })

  test(`a finished rollout (${name}) serves its end without a timeline`, () => {
    assert.throws(() => finishPlan(plan, START + 7 * HOUR, false), {
      code: 'conflict',
      message: /the timeline ends at \d+/,
    })
    for (const finished of [finishPlan(plan, START + 2 * DAY, false), finishPlan(plan, START + 7 * HOUR, true)]) {
      assert.deepEqual(checked(finished), { v: 1, rule: { if: [true, 'on'] } })
      assert.equal(on(finished, START).size, USERS.length)
    }
  })

  test(`a rollout (${name}) that is replaced goes on from its share with the same users`, () => {
    const now = START + 7 * HOUR
    const again = { ...ON, ramp: { for: '1d' } }
    assert.throws(() => start(plan, again, { now }), { code: 'conflict', message: /another one is under way/ })
    const replaced = start(plan, again, { now, replace: true })
    assert.deepEqual(on(replaced, now), on(plan, now))
    assert.ok(on(replaced, now).isSubsetOf(on(replaced, now + HOUR)))
    assert.equal(on(replaced, now + DAY).size, USERS.length)
  })
}

test('a rollout by verbs says what is wrong with the order', () => {
  const orders: readonly [object, RegExp][] = [
    [{ ramp: { for: '1d' } }, /^\/to: /],
    [{ ...ON }, /^: A rollout has either "steps" or "ramp"$/],
    [{ ...ON, ramp: {}, steps: [] }, /either "steps" or "ramp"/],
    [{ ...ON, ramp: { for: 'soon' } }, /^\/ramp\/for: Length is "soon", not a text such as "6h"/],
    [{ ...ON, ramp: { for: '1d', until: START } }, /^\/ramp: Either "until" or "for"/],
    [{ ...ON, steps: [] }, /^\/steps: Steps are a list/],
    [{ ...ON, steps: [{ share: 1 }] }, /^\/steps\/0: Either "at" or "after"/],
    [{ ...ON, steps: [{ after: '1h', share: 100_001 }] }, /^\/steps\/0\/share: Share is 100001/],
    [{ ...ON, steps: [{ after: '999999999w', share: 1 }] }, /^\/steps\/0\/after: Moment is/],
    [{ ...ON, start: 'tomorrow', ramp: { for: '1d' } }, /^\/start: Moment is "tomorrow"/],
    [{ ...ON, by: '$flagd.timestamp', ramp: { for: '1d' } }, /^\/by: /],
    [{ ...ON, weight: 1, ramp: { for: '1d' } }, /^\/weight: Unknown member/],
    [{ ...ON, start: START - 61, ramp: { for: '1d' } }, /^\/start: Start is \d+, more than 60 s in the past$/],
  ]
  for (const [order, pattern] of orders)
    assert.throws(
      () => start(EMPTY, order),
      (error: { code: string; mistakes: { pointer: string; message: string }[] }) => {
        assert.equal(error.code, 'invalid')
        assert.match(error.mistakes.map(({ pointer, message }) => `${pointer}: ${message}`).join('\n'), pattern)
        return true
      },
    )
})

test('lengths of time count from the start', () => {
  const plan = start(EMPTY, {
    ...ON,
    start: START + DAY,
    steps: [
      { after: '1d12h', share: 5 },
      { after: '2w', share: 6 },
    ],
  })
  const [arm] = plan.timeline ?? []
  assert.ok(arm && 'rollout' in arm && 'steps' in arm.rollout.shape)
  assert.deepEqual(
    arm.rollout.shape.steps.map(({ at }) => at),
    [START + DAY + 36 * HOUR, START + 15 * DAY],
  )
})

test('verbs without a rollout are conflicts', () => {
  const over = START + 3 * DAY
  for (const plan of [EMPTY, planOf({ timeline: [{ at: START, serve: ON.to }] })]) {
    for (const verb of [
      () => pauseRollout(plan, over),
      () => resumeRollout(plan, over, 'shift'),
      () => retreatRollout(plan, over, 'now'),
      () => cancelPlan(plan, over),
    ])
      assert.throws(verb, { code: 'conflict' })
  }
  assert.throws(() => finishPlan(EMPTY, over, true), { code: 'conflict' })
  assert.throws(() => pauseRollout(RAMP, over), /no rollout is running/)
  const paused = pauseRollout(RAMP, START + HOUR)
  assert.throws(() => pauseRollout(paused, START + 2 * HOUR), /paused already/)
  assert.throws(() => finishPlan(paused, over, true), /paused/)
})

test('a rollout that has ended can be taken back', () => {
  const back = checked(retreatRollout(RAMP, START + 9 * DAY, 'first-in-last-out'))
  assert.equal(on(back, START + 9 * DAY).size, USERS.length)
  const half = on(back, START + 9 * DAY + 5 * HOUR)
  assert.ok(half.size > 400 && half.size < 600)
  assert.equal(on(back, START + 9 * DAY + 10 * HOUR).size, 0)
  assert.throws(() => retreatRollout(back, START + 9 * DAY + HOUR, 'first-in-last-out'), /on its way back/)
})

test('a retreat that is paused, resumed or cancelled lets no user back in', () => {
  const at = START + 5 * HOUR
  const back = retreatRollout(RAMP, at, 'first-in-last-out')
  const paused = checked(pauseRollout(back, at + HOUR))
  assert.deepEqual(on(paused, at + 9 * DAY), on(back, at + HOUR))
  const resumed = checked(resumeRollout(paused, at + 2 * HOUR, 'shift'))
  assert.deepEqual(on(resumed, at + 3 * HOUR), on(back, at + 2 * HOUR))
  assert.equal(on(resumed, at + DAY).size, 0)
  assert.deepEqual(on(cancelOf(back, at + HOUR), at + 9 * DAY), on(back, at + HOUR))
})
const cancelOf = (plan: Plan, now: number) => cancelPlan(plan, now)

test('a rollout of something else begins with what is served, so no user gets a third variant', () => {
  const now = START + 5 * HOUR
  const plan = start(RAMP, { to: { variant: 'a' }, ramp: { for: '10h' } }, { now, replace: true, salt: 'other' })
  const [before, after] = [served(RAMP), served(plan)]
  for (const user of USERS) assert.equal(after(now, user), before(now, user))
  for (const user of USERS) assert.ok(['a', before(now, user)].includes(after(now + 5 * HOUR, user)))
  assert.equal(usersOf(plan, 'a', now + 10 * HOUR).size, USERS.length)
})

test('a pause also holds the arms that continue the rollout, and no others', () => {
  const piece = (at: number, until: number, fromShare: number, toShare: number) => ({
    at,
    rollout: { to: { variant: 'on' }, salt: 's', shape: { ramp: { until, fromShare, toShare } } },
  })
  const plan = planOf({
    timeline: [
      piece(START, START + DAY, 0, 10_000),
      piece(START + DAY, START + 2 * DAY, 10_000, 100_000),
      { at: START + 30 * DAY, serve: { variant: 'a' } },
    ],
  })
  const paused = checked(pauseRollout(plan, START + HOUR))
  assert.deepEqual(on(paused, START + 29 * DAY), on(plan, START + HOUR))
  assert.equal(usersOf(paused, 'a', START + 30 * DAY).size, USERS.length)
  const resumed = checked(resumeRollout(paused, START + 2 * HOUR, 'shift'))
  for (let second = 2 * HOUR; second < 3 * DAY; second += HOUR)
    assert.deepEqual(on(resumed, START + second), on(plan, START + second - HOUR))
  const kept = checked(resumeRollout(paused, START + 36 * HOUR, 'keep'))
  assert.equal(on(kept, START + 2 * DAY).size, USERS.length)
  const late = checked(resumeRollout(paused, START + 29 * DAY, 'shift'))
  assert.equal(usersOf(late, 'a', START + 40 * DAY).size, USERS.length, 'what was planned for another day stays')
})

test('verbs drop arms that ended more than a day ago', () => {
  const timeline = [1, 2, 3].map((day) => ({ at: START + day * DAY, serve: { variant: day % 2 ? 'a' : 'b' } }))
  const plan = start(planOf({ timeline }), { ...ON, ramp: { for: '1d' } }, { now: START + 5 * DAY })
  assert.equal(plan.timeline?.length, 2)
  assert.equal(served(plan)(START + 5 * DAY - 1, 'user'), 'a')
})

test('a rollout from a fixed second changes nothing before it', () => {
  const plan = start(planOf({ rule: { if: [true, 'b'] } }), { ...ON, start: START + DAY, ramp: { for: '1d' } })
  assert.equal(usersOf(plan, 'b', START + DAY - 1).size, USERS.length)
  assert.equal(on(plan, START + 2 * DAY).size, USERS.length)
  assert.throws(() => start(plan, { ...ON, ramp: { for: '1d' } }), /more is planned after it/)
  const replaced = start(plan, { ...ON, ramp: { for: '1h' } }, { replace: true })
  assert.equal(replaced.timeline?.length, 1)
})

test('fewer people than now only with "leave", and the warning says how many', () => {
  const now = START + 5 * HOUR
  const less = { ...ON, steps: [{ after: '0s', share: 37_500 }] }
  assert.throws(() => start(RAMP, less, { now, replace: true }), /Share falls from 50 % to 37.5 %/)
  const plan = start(RAMP, less, { now, replace: true, leave: true })
  assert.deepEqual(planWarnings(plan, now), [`12.5 % of people leave the rollout at ${now}`])
  assert.ok(on(plan, now).isSubsetOf(on(RAMP, now)))
})

test('describePlan() shows the share at any second, also a future one', () => {
  assert.deepEqual(describePlan(RAMP, START - 1), {
    arm: null,
    share: null,
    paused: false,
    next: START,
    finished: false,
  })
  assert.deepEqual(describePlan(RAMP, START + 9_000), {
    arm: 0,
    share: [9_000, 36_000],
    paused: false,
    next: START + 36_000,
    finished: false,
  })
  assert.deepEqual(describePlan(RAMP, START + DAY), {
    arm: 0,
    share: 100_000,
    paused: false,
    next: null,
    finished: true,
  })
  const paused = describePlan(pauseRollout(RAMP, START + 9_000), START + DAY)
  assert.deepEqual(paused, { arm: 1, share: [9_000, 36_000], paused: true, next: null, finished: false })
})

test('dropTimeline() leaves what is served at a second, for all time', () => {
  const rule = { if: [{ '==': [{ var: 'targetingKey' }, 'user-1'] }, 'a', 'b'] }
  const needs = { overrides: [{ targetingKey: 'user-2', variant: 'c' }] }
  const serve = planOf({
    v: 1,
    rule,
    timeline: [
      { at: START, serve: { variant: 'on' } },
      { at: START + HOUR, serve: { default: true } },
      { at: START + 2 * HOUR, serve: { base: true } },
    ],
    ...needs,
  })
  for (const [plan, seconds] of [
    [RAMP, [-1, 0, 3 * HOUR, 10 * HOUR, DAY]],
    [STEPS, [-1, 0, 7 * HOUR, 3 * DAY]],
    [pauseRollout(RAMP, START + 2 * HOUR), [HOUR, 3 * HOUR]],
    [serve, [-1, 0, HOUR, 2 * HOUR]],
  ] as const)
    for (const second of seconds.map((each) => START + each)) {
      const dropped = checked(dropTimeline(plan, second))
      assert.equal(dropped.timeline, undefined)
      assert.deepEqual(dropped.overrides, plan.overrides)
      const [then, now] = [served(plan), served(dropped)]
      for (const user of USERS.slice(0, 200)) assert.equal(now(START + 9 * DAY, user), then(second, user), `${second}`)
    }
})
