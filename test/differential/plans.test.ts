import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { FlagdCore } from '@openfeature/flagd-core'
import fc from 'fast-check'
import { checkPlan } from '../../src/flag/plan/check-plan.ts'
import { piecesOf } from '../../src/flag/plan/pieces.ts'
import type { Plan } from '../../src/flag/plan/plan.ts'
import { plannedFlag, served, VARIANTS } from '../support/plans.ts'
import { histories, plansOf, secondsAround } from '../support/random-plans.ts'

const PLANS = Number(process.env['DIFFERENTIAL_PLANS'] ?? 20)
const SEED = 22
const silent = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined }
const CONTEXTS = [
  ...Array.from({ length: 40 }, (_, index) => ({
    targetingKey: `user-${index}`,
    account: `account-${index % 9}`,
    plan: index % 2 ? 'pro' : 'free',
  })),
  {},
  { targetingKey: '' },
  { targetingKey: 'user', account: 12 },
  { account: 'only an account' },
  { targetingKey: 'user', account: true },
]

const isValid = (plan: Plan) => checkPlan(plan, { variants: VARIANTS, segments: new Map(), pointer: '' }).length === 0
const engines = ['compiled', 'interpreted'] as const

/** The newest plan of each random history. */
const plans = fc.sample(histories, { numRuns: PLANS, seed: SEED }).flatMap((history) =>
  plansOf(history, isValid)
    .slice(-2)
    .map(({ plan }) => plan),
)

for (const engine of engines)
  test(`a compiled plan gives the same answers in flagd-core (${engine}), around everything that it does`, () => {
    assert.ok(plans.length >= PLANS)
    mock.timers.enable({ apis: ['Date'] })
    try {
      for (const plan of plans) compare(plan, engine)
    } finally {
      mock.timers.reset()
    }
  })

function compare(plan: Plan, engine: (typeof engines)[number]): void {
  const core = new FlagdCore(undefined, silent, { disableDynamicCodeGeneration: engine === 'interpreted' })
  // The plan stands beside the rule: flagd ignores it.
  core.setConfigurations(JSON.stringify({ flags: { flag: plannedFlag(plan) } }))
  const ours = served(plan)
  const starts = piecesOf(plan).flatMap(({ start }) => (Number.isFinite(start) ? [start] : []))
  for (const second of secondsAround(starts)) {
    mock.timers.setTime(second * 1_000 + 999)
    for (const context of CONTEXTS) {
      const answer = core.resolveStringEvaluation('flag', 'none', context, silent)
      const theirs = answer.variant ?? answer.errorCode
      assert.equal(ours(second, context), theirs, `${JSON.stringify(context)} at ${second}: ${JSON.stringify(plan)}`)
    }
  }
}
