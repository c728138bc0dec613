import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compilePlan } from '../../../src/flag/plan/compile-plan.ts'
import { DAY, HOUR, mistakesIn, planOf, START, served, USERS, usersOf } from '../../support/plans.ts'

const NOW = { var: '$flagd.timestamp' }
const KEY = { var: 'targetingKey' }
const gate = (salt: string, inside: unknown, outside: unknown) => ({
  and: [KEY, { '==': [{ fractional: [{ cat: [salt, KEY] }, ['in', inside], ['out', outside]] }, 'in'] }],
})
const ON = { variant: 'on' }
const steps = (...shares: (readonly [at: number, share: unknown])[]) => ({
  steps: shares.map(([at, share]) => ({ at, share })),
})
const rollout = (shape: unknown, more: object = {}) => ({
  at: START,
  rollout: { to: ON, from: { variant: 'off' }, salt: 's', shape, ...more },
})

test('a step table is a chain of portable gates with whole weights', () => {
  const shape = steps([START, 1_000], [START + DAY, 50_000], [START + 2 * DAY, 100_000])
  assert.deepEqual(compilePlan(planOf({ v: 1, timeline: [rollout(shape)] })), {
    if: [
      { '<': [NOW, START] },
      null,
      { '<': [NOW, START + DAY] },
      { if: [gate('s', 1_000, 99_000), 'on', 'off'] },
      { '<': [NOW, START + 2 * DAY] },
      { if: [gate('s', 50_000, 50_000), 'on', 'off'] },
      'on',
    ],
  })
})

test('a ramp from 0 to 100 % has its own start and end as weights', () => {
  const ramp = { until: START + DAY, fromShare: 0, toShare: 100_000 }
  const inside = { '-': [NOW, START] }
  assert.deepEqual(compilePlan(planOf({ timeline: [rollout({ ramp })] })), {
    if: [
      { '<': [NOW, START] },
      null,
      { '<': [NOW, START + DAY] },
      { if: [gate('s', inside, { '-': [START + DAY, NOW] }), 'on', 'off'] },
      'on',
    ],
  })
})

test('a rollout by another attribute than the targeting key admits texts only', () => {
  const plan = planOf({ timeline: [rollout(steps([START, 99_999]), { by: 'account.id' })] })
  const serve = served(plan)
  assert.equal(serve(START, { account: { id: 'a' } }), 'on')
  for (const context of [{}, { account: { id: 12 } }, { account: { id: '' } }, { account: { id: null } }])
    assert.equal(serve(START, context), 'off')
})

test('users without a targeting key are out until the share is 100 %', () => {
  const serve = served(planOf({ timeline: [rollout(steps([START, 99_999], [START + DAY, 100_000]))] }))
  assert.equal(serve(START, {}), 'off')
  assert.equal(serve(START + DAY, {}), 'on')
})

test('a plan without a timeline is its rule', () => {
  const rule = { if: [{ '==': [{ var: 'plan' }, 'pro'] }, 'on'] }
  assert.deepEqual(compilePlan(planOf({ rule })), rule)
  assert.equal(compilePlan(planOf({ rule: null })), undefined)
  assert.equal(compilePlan(planOf({})), undefined)
  assert.deepEqual(compilePlan(planOf({ timeline: [{ at: START, serve: ON }] })), {
    if: [{ '<': [NOW, START] }, null, 'on'],
  })
})

test('arms that change nothing are no branches', () => {
  const timeline = [
    { at: START, serve: { base: true } },
    { at: START + 1, serve: { default: true } },
    rolloutAt(START + 2, steps([START + 2, 0])),
  ]
  assert.equal(compilePlan(planOf({ timeline })), undefined)
})
const rolloutAt = (at: number, shape: unknown) => ({ at, rollout: { to: ON, salt: 's', shape } })

test('a window is two arms', () => {
  const serve = served(
    planOf({
      timeline: [
        { at: START, serve: ON },
        { at: START + HOUR, serve: { base: true } },
      ],
    }),
  )
  assert.deepEqual(
    [START - 1, START, START + HOUR - 1, START + HOUR].map((second) => serve(second, 'user')),
    ['off', 'on', 'on', 'off'],
  )
})

test('a curve of linear pieces keeps everybody who is in', () => {
  const piece = (at: number, until: number, fromShare: number, toShare: number) =>
    rolloutAt(at, { ramp: { until, fromShare, toShare } })
  const plan = planOf({
    timeline: [
      piece(START, START + DAY, 0, 1_000),
      piece(START + DAY, START + 2 * DAY, 1_000, 50_000),
      piece(START + 2 * DAY, START + 3 * DAY, 50_000, 100_000),
    ],
  })
  let before = new Set<string>()
  for (let second = START - HOUR; second <= START + 3 * DAY; second += HOUR) {
    const inside = usersOf(plan, 'on', second)
    assert.ok(before.isSubsetOf(inside), `a user left at ${second}`)
    before = inside
  }
  assert.equal(before.size, USERS.length)
})

const step = (share: unknown) => ({ timeline: [rollout(steps([START, share]))] })
const at = (moment: unknown) => ({ timeline: [{ at: moment, serve: ON }] })
const mistakes: readonly [plan: unknown, ...found: RegExp[]][] = [
  [null, /^: Plan is null, not an object$/],
  [{ v: 2 }, /^\/v: Version of the plan is 2, not 1$/],
  [{ milestones: [] }, /^\/milestones: Unknown member "milestones"/],
  [{ rule: 'on' }, /^\/rule: Rule is "on", not a rule or null$/],
  [{ rule: { unknown: 1 } }, /^\/rule\/unknown: Unknown operator "unknown"$/],
  [{ timeline: {} }, /^\/timeline: Timeline is an object, not a list$/],
  [{ timeline: Array(51).fill({ at: START, serve: ON }) }, /^\/timeline: Timeline has 51 arms, more than 50$/],
  [{ timeline: [7] }, /^\/timeline\/0: Arm is 7, not an object$/],
  [{ timeline: [{ at: START }] }, /^\/timeline\/0: Arm must have exactly one of serve, rollout, paused$/],
  [{ timeline: [{ at: START, serve: ON, until: 1 }] }, /^\/timeline\/0\/until: Unknown member/],
  [{ timeline: [{ at: START, serve: ON, leave: true }] }, /^\/timeline\/0\/leave: /],
  [{ timeline: [{ at: START, serve: { variant: 'gone' } }] }, /^\/timeline\/0\/serve\/variant: "gone" is no variant/],
  [{ timeline: [{ at: START, serve: { rule: { '!': [1, 2] } } }] }, /^\/timeline\/0\/serve\/rule\/!: Operator "!"/],
  [{ timeline: [{ at: START, serve: { state: 'DISABLED' } }] }, /^\/timeline\/0\/serve: What is served is/],
  [at(START * 1_000), /^\/timeline\/0\/at: Moment is 1800000000000, .*is it in milliseconds\?$/],
  [at(5), /^\/timeline\/0\/at: Moment is 5, not a whole second in the years 2001 to 2099$/],
  [at(START + 0.5), /whole second/],
  [at('2027-01-01T10:00'), /^\/timeline\/0\/at: Moment is "2027-01-01T10:00", not unix seconds, a time with offset/],
  [at('now'), /^\/timeline\/0\/at: Moment is "now"/],
  [at('2027-01-01T10:00:00.5Z'), /Moment is/],
  [at({ local: '2027-03-28T01:30' }), /^\/timeline\/0\/at\/zone: Time zone is missing, not a text$/],
  [
    at({ local: '2027-03-28T01:30', zone: 'Europe/London' }),
    /^\/timeline\/0\/at\/local: .* does not exist in Europe\/London: the clock goes from 2027-03-28T01:00:00 to 2027-03-28T02:00:00$/,
  ],
  [
    at({ local: '2027-10-31T01:30', zone: 'Europe/London' }),
    /is there twice in Europe\/London: add "offset", one of \+01:00 and \+00:00$/,
  ],
  [at({ local: '2027-10-31T01:30', zone: 'Nowhere' }), /^\/timeline\/0\/at\/zone: Unknown time zone "Nowhere"$/],
  [
    step(100_001),
    /^\/timeline\/0\/rollout\/shape\/steps\/0\/share: Share is 100001, not a whole number from 0 to 100000/,
  ],
  [step(-1), /Share is -1/],
  [step(0.5), /Share is 0.5/],
  [step([3, 2]), /Share is a list/],
  [step([1, 0]), /Share is a list/],
  [{ timeline: [rollout(steps([START - 1, 5]))] }, /\/steps\/0\/at: Step is at \d+, before the start of its arm$/],
  [{ timeline: [rollout(steps([START, 5], [START, 6]))] }, /\/steps\/1\/at: Step is at \d+, before the one before it$/],
  [
    { timeline: [rollout(steps([START, 5], [START + 1, 4]))] },
    /\/steps\/1\/share: Share falls from 0.005 % to 0.004 %/,
  ],
  [{ timeline: [rollout({ ramp: { until: START } })] }, /\/ramp\/until: Ramp ends at \d+, not after its start/],
  [{ timeline: [rollout({ ramp: { until: START + 9, fromShare: 5, toShare: 5 } })] }, /\/ramp\/toShare: .*same share$/],
  [{ timeline: [rollout({ ramp: { until: START + 9, fromShare: 5, toShare: 4 } })] }, /Share falls/],
  [{ timeline: [rollout({ ramp: { until: START + 1_000 * DAY, toShare: 1_000 } })] }, /slower than 1 % in 248 days/],
  [
    { timeline: [rollout({ ramp: { until: START + 10, line: { at: START - 5, seconds: 10 } } })] },
    /\/ramp\/line: Line leaves/,
  ],
  [{ timeline: [rollout({ wave: 1 })] }, /\/rollout\/shape: Shape is an object, not one of/],
  [{ timeline: [rollout(steps([START, 5]), { by: '' })] }, /\/rollout\/by: Attribute is "", not the name/],
  [{ timeline: [rollout(steps([START, 5]), { by: '$flagd.flagKey' })] }, /\/rollout\/by: /],
  [
    {
      timeline: [
        { at: START, serve: ON },
        { at: START, serve: ON },
      ],
    },
    /^\/timeline\/1\/at: Arm is at \d+, not after/,
  ],
  [
    { timeline: [rollout(steps([START, 500]), { salt: 'x' }), rolloutAt(START + 9, steps([START + 9, 400]))] },
    /^\/timeline\/1: Another rollout had reached/,
  ],
  [
    { timeline: [rolloutAt(START, steps([START, 500])), rolloutAt(START + 9, steps([START + 9, 400]))] },
    /^\/timeline\/1: Share falls/,
  ],
]
for (const [plan, ...found] of mistakes)
  test(`a plan is refused: ${found.join()}`, () => {
    const messages = mistakesIn(plan)
    assert.equal(messages.length, found.length, messages.join('\n'))
    for (const [index, pattern] of found.entries()) assert.match(messages[index] ?? '', pattern)
  })

test('a plan whose rule is too large is refused as a whole', () => {
  const rule = { if: Array.from({ length: 3_000 }, (_, index) => ({ '==': [{ var: 'a' }, index] })) }
  const shares = Array.from({ length: 10 }, (_, index) => [START + index * DAY, 1_000 * index + 1] as const)
  assert.match(mistakesIn({ rule, timeline: [rolloutAt(START, steps(...shares))] }).join(), /^: Compiled rule: .*10000/)
})
