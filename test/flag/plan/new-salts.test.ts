import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withNewSalts } from '../../../src/flag/plan/edit/new-salts.ts'
import type { Plan } from '../../../src/flag/plan/plan.ts'

const gate = (salt: string) => ({
  '==': [{ fractional: [{ cat: [salt, { var: 'targetingKey' }] }, ['in', 1], ['out', 1]] }, 'in'],
})
const rollout = (salt: string, from: object = { variant: 'old' }) => ({
  to: { variant: salt },
  from,
  by: 'targetingKey',
  salt,
  shape: { steps: [{ at: 2_000_000_000, share: 50_000 }] },
})

/** A plan with salts in every place. */
const planOf = (first: string, second: string, third: string) => ({
  v: 1,
  rule: { if: [gate(first), 'x', { cat: ['kept', 'one'] }] },
  timeline: [
    { at: 1, rollout: { ...rollout('x'), salt: first } },
    { at: 2, rollout: { ...rollout('x', { rule: { if: [gate(first), 'a', 'b'] } }), salt: second } },
    { at: 3, serve: { rule: { if: [gate(second), 'a', 'b'] } } },
    {
      at: 4,
      paused: {
        share: 1,
        of: { ...rollout('x'), salt: first },
        later: [{ at: 5, rollout: { ...rollout('x'), salt: third } }],
      },
    },
  ],
  needs: [{ flag: 'one', variants: ['one'] }],
})

test('withNewSalts() makes one new salt of each distinct one, in rollouts, paused ones, waiting ones and gates', () => {
  let made = 0
  const copied = withNewSalts(planOf('one', 'two', 'three') as Plan, () => {
    made += 1
    return `new ${made}`
  })
  assert.deepEqual(copied, planOf('new 1', 'new 2', 'new 3'))
  assert.equal(made, 3)
})

test('withNewSalts() leaves a plan without rollouts as it is', () => {
  const never = () => assert.fail('No salt is needed')
  for (const plan of [
    { v: 1, rule: { if: [gate('one'), 'a', 'b'] } },
    { v: 1, timeline: [{ at: 1, serve: { variant: 'a' } }] },
  ] as const)
    assert.deepEqual(withNewSalts(plan, never), plan)
})
