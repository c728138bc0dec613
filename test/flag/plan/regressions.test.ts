import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileFlagSet } from '../../../src/flag/flag-set.ts'
import { timelineOf } from '../../../src/flag/timeline.ts'
import { DAY, HOUR, mistakesIn, plannedFlag, planOf, START, served, USERS, usersOf } from '../../support/plans.ts'

// Defects of other services that a compiled plan does not have.

const ON = { variant: 'on' }
const steps = (salt: string, ...shares: (readonly [at: number, share: number])[]) => {
  const [[at] = [START]] = shares
  return { at, rollout: { to: ON, salt, shape: { steps: shares.map(([at, share]) => ({ at, share })) } } }
}
const on = (timeline: readonly object[], second: number) => usersOf(planOf({ timeline }), 'on', second)

test('flagd#1832: without a time nothing is released early', () => {
  const { targeting } = plannedFlag(planOf({ timeline: [steps('s', [START, 100_000])] }))
  const text = JSON.stringify(targeting).replaceAll('$flagd.timestamp', 'missing')
  assert.equal(served(planOf({ rule: JSON.parse(text) }))(START + DAY, 'user'), 'off')
})

test('go-feature-flag#3391: rollouts with salts of their own are not to the same people', () => {
  const both = on([steps('one', [START, 50_000])], START).intersection(on([steps('two', [START, 50_000])], START))
  assert.ok(both.size > 150 && both.size < 350, `${both.size} of ${USERS.length}`)
})

test('posthog#39528: a share above 100 % is refused', () => {
  assert.match(mistakesIn({ timeline: [steps('s', [START, 100_001])] }).join(), /Share is 100001/)
})

test('growthbook#6416: a rollout that has ended keeps serving its target', () => {
  assert.equal(on([steps('s', [START, 1_000], [START + DAY, 100_000])], START + 1_000 * DAY).size, USERS.length)
})

test('wasabi#157: from 5 % to 10 % the 5 % stay', () => {
  const timeline = [steps('s', [START, 5_000], [START + DAY, 10_000])]
  assert.ok(on(timeline, START).isSubsetOf(on(timeline, START + DAY)))
})

test('flagsmith#5030: an arm that moved to another day does nothing on the old one', () => {
  const moved = [{ at: START + DAY, serve: ON }]
  assert.equal(on(moved, START + HOUR).size, 0)
  assert.equal(on(moved, START + DAY).size, USERS.length)
})

test('bucketeer#2193: a rollout into three variants', () => {
  const rule = {
    fractional: [
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ],
  }
  const shape = { steps: [{ at: START, share: 60_000 }] }
  const plan = planOf({ timeline: [{ at: START, rollout: { to: { rule }, salt: 's', shape } }] })
  for (const variant of ['a', 'b', 'c']) {
    const { size } = usersOf(plan, variant, START)
    assert.ok(size > 140 && size < 260, `${variant}: ${size}`)
  }
})

test('protocol#17: the stream timer knows each step of a plan, and ramps in steps of 1 %', () => {
  const nextAfter = (timeline: readonly object[], second: number) => {
    const flags = new Map([['flag', plannedFlag(planOf({ timeline }))]])
    return timelineOf(compileFlagSet({ flags, segments: {}, metadata: {}, bucketing: 'v2' })).nextAfter(second)
  }
  const table = [steps('s', [START, 1_000], [START + DAY, 100_000])]
  assert.deepEqual([nextAfter(table, START - HOUR), nextAfter(table, START)], [START, START + DAY])
  assert.equal(nextAfter(table, START + DAY), Number.POSITIVE_INFINITY)
  const shape = { ramp: { until: START + 100 * HOUR } }
  const ramp = [{ at: START, rollout: { to: ON, salt: 's', shape } }]
  assert.equal(nextAfter(ramp, START), START + HOUR)
  assert.equal(nextAfter(ramp, START + 100 * HOUR), Number.POSITIVE_INFINITY)
})
