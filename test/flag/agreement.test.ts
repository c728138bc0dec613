import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlagdCore } from '@openfeature/flagd-core'
import { evaluateKey } from '../../src/flag/evaluate.ts'
import { flagSetOf, NOW, ruled } from '../support/flag-set.ts'

type EvaluationContext = Parameters<FlagdCore['resolveStringEvaluation']>[2]

/** Rules on which our dialect and flagd's JavaScript implementation agree. */
const RULES: Readonly<Record<string, unknown>> = {
  equality: { if: [{ '==': [{ var: 'plan' }, 'pro'] }, 'a', 'b'] },
  range: { if: [{ '<': [10, { var: 'age' }, 30] }, 'a', 'b'] },
  list: { if: [{ in: [{ var: 'country' }, ['DE', 'FR']] }, 'a', 'b'] },
  text: {
    if: [{ in: ['user1', { var: 'email' }] }, 'a', { if: [{ ends_with: [{ var: 'email' }, '3@x.y'] }, 'b', null] }],
  },
  conditions: {
    if: [{ and: [{ '!': { var: 'plan' } }, { or: [{ '>': [{ var: 'age' }, 20] }, { var: 'beta' }] }] }, 'a', 'b'],
  },
  version: {
    if: [{ sem_ver: [{ var: 'version' }, '^', '1.2.0'] }, 'a', { sem_ver: [{ var: 'version' }, '>=', '2.0.0'] }],
  },
  share: {
    fractional: [
      ['a', 30],
      ['b', 70],
    ],
  },
  seeded: { fractional: [{ cat: [{ var: '$flagd.flagKey' }, { var: 'email' }] }, ['a', 1], ['b', 2], [true, 3]] },
  stepwise: { fractional: [{ var: 'email' }, ['a', { var: 'age' }], ['b', 20]] },
  loops: {
    if: [
      { some: [{ var: 'roles' }, { '==': [{ var: 'name' }, 'admin'] }] },
      'a',
      { all: [{ var: 'roles' }, { var: 'name' }] },
    ],
  },
  sums: {
    if: [
      { '>': [{ reduce: [{ var: 'roles' }, { '+': [{ var: 'accumulator' }, { var: 'current.level' }] }, 0] }, 2] },
      'a',
      'b',
    ],
  },
  missing: { if: [{ missing: ['plan', 'beta'] }, 'a', 'b'] },
  segment: { if: [{ $ref: 'germans' }, 'a', 'b'] },
}

const contexts = Array.from(
  { length: 60 },
  (_, index): EvaluationContext => ({
    targetingKey: `user-${index}`,
    email: `user${index}@x.y`,
    country: ['DE', 'FR', 'US'][index % 3] ?? '',
    age: index,
    version: `${index % 3}.${index % 5}.${index}`,
    roles: [
      { name: index % 4 === 0 ? 'admin' : 'user', level: index % 3 },
      { name: 'user', level: 1 },
    ],
    ...(index % 2 === 0 && { plan: ['pro', ''][index % 4 === 0 ? 0 : 1] ?? '' }),
    ...(index % 7 === 0 && { beta: true }),
  }),
)

const flags = Object.fromEntries(Object.entries(RULES).map(([key, targeting]) => [key, ruled(targeting)]))
const document = { flags, $evaluators: { germans: { '==': [{ var: 'country' }, 'DE'] } } }
const silent = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined }
const core = new FlagdCore(undefined, silent)
core.setConfigurations(JSON.stringify(document))
const set = flagSetOf(document)

for (const key of Object.keys(RULES))
  test(`evaluate() agrees with @openfeature/flagd-core: ${key}`, () => {
    for (const context of contexts) {
      const { variant, reason, value } = core.resolveStringEvaluation(key, '', context, silent)
      const ours = evaluateKey(set, key, { ...context }, NOW, 'string')
      assert.deepEqual(
        { variant: 'variant' in ours && ours.variant, reason: ours.reason, value: 'value' in ours && ours.value },
        { variant, reason, value },
      )
    }
  })
