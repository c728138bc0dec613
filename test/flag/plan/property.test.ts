import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkPlan } from '../../../src/flag/plan/check-plan.ts'
import { compilePlan } from '../../../src/flag/plan/compile-plan.ts'
import { describePlan } from '../../../src/flag/plan/describe-plan.ts'
import { pauseRollout, resumeRollout } from '../../../src/flag/plan/edit/edit.ts'
import { piecesOf } from '../../../src/flag/plan/pieces.ts'
import { type Plan, rolloutOf, SHARE_TOTAL, secondOf } from '../../../src/flag/plan/plan.ts'
import { readPlan } from '../../../src/flag/plan/read/plan.ts'
import { compareShares, fractionOf, lineOf, percentOf, shareAt, weightsOn } from '../../../src/flag/plan/share.ts'
import { DAY, planOf, START, served, USERS, usersOf, VARIANTS } from '../../support/plans.ts'
import { histories, plansOf, secondsAround } from '../../support/random-plans.ts'

const mistakesOf = (plan: Plan) => checkPlan(plan, { variants: VARIANTS, segments: new Map(), pointer: '' })
const isValid = (plan: Plan) => mistakesOf(plan).length === 0
const startsOf = (plan: Plan) => piecesOf(plan).flatMap(({ start }) => (Number.isFinite(start) ? [start] : []))
const FEW = USERS.slice(0, 60)

test('a plan that is compiled again, or written and read, is the same', () => {
  fc.assert(
    fc.property(histories, (history) => {
      for (const { plan } of plansOf(history, isValid)) {
        const text = JSON.stringify(plan)
        const { plan: read, mistakes } = readPlan(JSON.parse(text), { pointer: '', newSalt: () => 'never' })
        assert.deepEqual(mistakes, [])
        assert.ok(read)
        assert.equal(JSON.stringify(read), text)
        assert.equal(JSON.stringify(compilePlan(read)), JSON.stringify(compilePlan(plan)))
      }
    }),
    { numRuns: 500 },
  )
})

test('verbs make valid plans, and change nothing before the second they are used at', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const edited = plansOf(history, () => true)
      let before: Plan = { v: 1, rule: history.rule ?? null }
      for (const { plan, now, verb } of edited) {
        // An order may take people out or be too large; the other verbs never do.
        if (verb.do === 'rollout' && !isValid(plan)) return
        assert.deepEqual(mistakesOf(plan), [], verb.do)
        const [earlier, later] = [served(before), served(plan)]
        if (verb.do !== 'finish')
          for (const second of secondsAround(startsOf(before)).filter((second) => second < now && second > now - DAY))
            for (const user of FEW) assert.equal(later(second, user), earlier(second, user), `${verb.do} at ${second}`)
        before = plan
      }
    }),
    { numRuns: 200 },
  )
})

test('who is in a rollout stays in, unless it retreats', () => {
  fc.assert(
    fc.property(histories, (history) => {
      for (const { plan } of plansOf(history, isValid)) {
        // As a rule of its own: with other results the plan may be one that is refused.
        const serve = served({ v: 1, rule: compilePlan(insideOnly(plan)) ?? null })
        const inside = new Set<string>()
        let rollout: string | undefined
        let isLeaving = false
        for (const second of secondsAround(startsOf(plan))) {
          const { arm } = describePlan(plan, second)
          const current = arm === null ? undefined : plan.timeline?.[arm]
          const { to, by, salt } = rolloutOf(current) ?? {}
          const identity = JSON.stringify([to, by, salt])
          // A retreat that is paused or cancelled stops at the share of that very second.
          const wasLeaving = isLeaving
          isLeaving = current !== undefined && 'leave' in current
          if (identity !== rollout || isLeaving || wasLeaving) inside.clear()
          rollout = identity
          for (const user of FEW) {
            const isIn = serve(second, { targetingKey: user, account: `account of ${user}` }) === 'on'
            if (isIn) inside.add(user)
            assert.ok(isIn || !inside.has(user), `${user} left at ${second}`)
          }
        }
      }
    }),
    { numRuns: 200 },
  )
})

/** The plan with "on" as what every rollout is to, and "off" as everything else. */
function insideOnly(plan: Plan): Plan {
  const [to, from] = [{ variant: 'on' }, { variant: 'off' }]
  const timeline = plan.timeline?.map((arm) => {
    if ('serve' in arm) return { ...arm, serve: from }
    if ('rollout' in arm) return { ...arm, rollout: { ...arm.rollout, to, from } }
    return { ...arm, paused: { ...arm.paused, of: { ...arm.paused.of, to, from } } }
  })
  return { v: 1, ...(timeline && { timeline }) }
}

test('a resumed plan is the plan, later', () => {
  const lengths = fc.integer({ min: 1, max: 30 * DAY })
  fc.assert(
    fc.property(histories, lengths, lengths, (history, running, pausing) => {
      const [first] = plansOf(history, isValid)
      const arm = first?.plan.timeline?.[0]
      if (!first || !arm) return
      const now = secondOf(arm.at) + running
      const state = describePlan(first.plan, now)
      if (state.finished) return
      const resumed = resumeRollout(pauseRollout(first.plan, now), now + pausing, 'shift')
      assert.deepEqual(mistakesOf(resumed), [])
      const [before, after] = [served(first.plan), served(resumed)]
      for (const second of secondsAround(startsOf(first.plan)).filter((second) => second >= now))
        for (const user of FEW) assert.equal(after(second + pausing, user), before(second, user))
    }),
    { numRuns: 200 },
  )
})

test('the share of users is the planned one, within three standard deviations', () => {
  const ramp = (until: number, fromShare: number, toShare: number) => ({
    timeline: [
      {
        at: START,
        rollout: { to: { variant: 'on' }, salt: `share ${until}`, shape: { ramp: { until, fromShare, toShare } } },
      },
    ],
  })
  const users = Array.from({ length: 5_000 }, (_, index) => `person ${index}`)
  for (const [days, from, to] of [
    [1, 0, 100_000],
    [7, 10_000, 60_000],
    [30, 1_000, 5_000],
  ] as const) {
    const plan = planOf(ramp(START + days * DAY, from, to))
    for (const part of [0.1, 0.37, 0.5, 0.9]) {
      const second = Math.round(START + part * days * DAY)
      const { share } = describePlan(plan, second)
      assert.ok(share !== null)
      const expected = percentOf(share) / 100
      assert.ok(Math.abs(expected - (from + (to - from) * part) / SHARE_TOTAL) < 0.0001)
      const deviation = Math.sqrt((expected * (1 - expected)) / users.length)
      const found = usersOf(plan, 'on', second, users).size / users.length
      assert.ok(Math.abs(found - expected) <= 3 * deviation, `${found} instead of ${expected}`)
    }
  }
})

test('lineOf() keeps within both shares in every second, exactly', () => {
  const shares = fc.oneof(
    fc.integer({ min: 0, max: SHARE_TOTAL }),
    fc.tuple(fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 1_000, max: 2_000_000_000 })),
  )
  fc.assert(
    fc.property(shares, shares, fc.integer({ min: 1, max: 100 * DAY }), (fromShare, toShare, seconds) => {
      const line = lineOf({ at: START, until: START + seconds, fromShare, toShare })
      if (compareShares(fromShare, toShare) === 0) return assert.equal(line, undefined)
      if (line === undefined) {
        const [from, to] = [fractionOf(fromShare), fractionOf(toShare)]
        const rise = Math.abs(Number(to.weight) / Number(to.total) - Number(from.weight) / Number(from.total))
        return assert.ok(seconds / rise > 2_147_483_646)
      }
      const isRising = compareShares(fromShare, toShare) < 0
      const weights = weightsOn(line, isRising)
      const [low, high] = isRising ? [fromShare, toShare] : [toShare, fromShare]
      for (const second of [START, START + Math.floor(seconds / 2), START + seconds - 1]) {
        const share = shareAt(weights, second)
        assert.ok(compareShares(share, low) >= 0 && compareShares(share, high) <= 0, `${second}: ${share}`)
      }
    }),
    { numRuns: 20_000 },
  )
})
