import assert from 'node:assert/strict'
import { checkDefinition } from '../../src/flag/check/definition.ts'
import type { Bucketing, Definition } from '../../src/flag/definition.ts'
import { evaluateKey } from '../../src/flag/evaluate.ts'
import { compileFlagSet } from '../../src/flag/flag-set.ts'
import { checkPlan } from '../../src/flag/plan/check-plan.ts'
import { compilePlan } from '../../src/flag/plan/compile-plan.ts'
import type { Plan } from '../../src/flag/plan/plan.ts'
import { readPlan } from '../../src/flag/plan/read/plan.ts'

export const START = 1_800_000_000
export const HOUR = 3_600
export const DAY = 86_400

/** Variants of the flags of plans, each the value of its own name. */
export const VARIANTS = { on: 'on', off: 'off', a: 'a', b: 'b', c: 'c' }

/** Reads, completes and checks a plan; the test fails for a plan with mistakes. */
export function planOf(value: unknown, now?: number): Plan {
  let salts = 0
  const { plan, mistakes } = readPlan(value, { pointer: '', now, newSalt: () => `r:flag:${++salts}` })
  assert.deepEqual(mistakes, [])
  assert.ok(plan)
  assert.deepEqual(checkPlan(plan, { variants: VARIANTS, segments: new Map(), pointer: '' }), [])
  return plan
}

/** The mistakes of a plan as `pointer: message`. */
export function mistakesIn(value: unknown, now?: number): string[] {
  const { plan, mistakes } = readPlan(value, { pointer: '', now, newSalt: () => 'salt' })
  const found = plan ? checkPlan(plan, { variants: VARIANTS, segments: new Map(), pointer: '' }) : mistakes
  return found.map(({ pointer, message }) => `${pointer}: ${message}`)
}

/** The definition that a plan is stored in. */
export function plannedFlag(plan: Plan): Definition {
  const targeting = compilePlan(plan)
  const flag = {
    state: 'ENABLED',
    variants: VARIANTS,
    defaultVariant: 'off',
    ...(targeting && { targeting }),
    flagstaff: plan,
  } as const
  assert.deepEqual(checkDefinition(flag, {}), [])
  return flag
}

/** A function that gives the variant of a user at a second. */
export function served(plan: Plan, bucketing: Bucketing = 'v2') {
  const set = compileFlagSet({ flags: new Map([['flag', plannedFlag(plan)]]), segments: {}, metadata: {}, bucketing })
  return (second: number, context: string | Readonly<Record<string, unknown>>): string => {
    const attributes = typeof context === 'string' ? { targetingKey: context } : context
    const answer = evaluateKey(set, 'flag', attributes, second)
    assert.notEqual(answer.reason, 'ERROR', JSON.stringify(answer))
    return 'variant' in answer ? (answer.variant ?? '') : ''
  }
}

export const USERS: readonly string[] = Array.from({ length: 1_000 }, (_, index) => `user-${index}`)

/** The users that get a variant at a second. */
export function usersOf(plan: Plan, variant: string, second: number, users = USERS): Set<string> {
  const serve = served(plan)
  return new Set(users.filter((user) => serve(second, user) === variant))
}
