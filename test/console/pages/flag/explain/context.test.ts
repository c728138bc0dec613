import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  attributesIn,
  parseContexts,
  readsClock,
  typeOfAttribute,
  valueAt,
  valueOfInput,
  withValue,
} from '../../../../../src/console/pages/flag/explain/context.ts'

const RULE = {
  if: [
    { and: [{ '>=': [{ var: 'age' }, 18] }, { $ref: 'staff' }] },
    'on',
    { '==': [{ var: ['user.isNew', false] }, true] },
    'on',
    'off',
  ],
}
const SEGMENTS = { staff: { ends_with: [{ var: 'email' }, '@x.com'] }, other: { '==': [{ var: 'unused' }, 1] } }

test('attributesIn() finds the attributes of a rule and of the segments that it reaches, targetingKey first', () => {
  assert.deepEqual(attributesIn(RULE, SEGMENTS), ['targetingKey', 'age', 'email', 'user.isNew'])
})

test('typeOfAttribute() is the type of the constants that an attribute is compared with', () => {
  assert.equal(typeOfAttribute([RULE, SEGMENTS], 'age'), 'number')
  assert.equal(typeOfAttribute([RULE, SEGMENTS], 'user.isNew'), 'boolean')
  assert.equal(typeOfAttribute([RULE, SEGMENTS], 'email'), 'text')
})

test('readsClock() looks into segments', () => {
  assert.equal(readsClock(RULE, SEGMENTS), false)
  assert.equal(readsClock({ $ref: 'late' }, { late: { '>': [{ var: '$flagd.timestamp' }, 1] } }), true)
})

test('withValue() sets, replaces and removes a value at a dotted path, and keeps the order of the others', () => {
  const context = { targetingKey: 'ada', user: { plan: 'pro' } }
  assert.deepEqual(withValue(context, 'user.isNew', true), { targetingKey: 'ada', user: { plan: 'pro', isNew: true } })
  assert.deepEqual(withValue(context, 'targetingKey', undefined), { user: { plan: 'pro' } })
  assert.equal(valueAt(withValue(context, 'a.b.c', 1), 'a.b.c'), 1)
})

test('valueOfInput() gives a number or boolean only where the rules compare with one', () => {
  assert.equal(valueOfInput('18', 'number'), 18)
  assert.equal(valueOfInput('18', 'text'), '18')
  assert.equal(valueOfInput('true', 'boolean'), true)
  assert.equal(valueOfInput('', 'text'), undefined)
})

for (const [text, contexts] of [
  ['ada\nbo', [{ targetingKey: 'ada' }, { targetingKey: 'bo' }]],
  ['{"plan":"pro"}\n', [{ plan: 'pro' }]],
  ['[{"plan":"pro"},{}]', [{ plan: 'pro' }, {}]],
] as const)
  test(`parseContexts() reads ${JSON.stringify(text)}`, () => assert.deepEqual(parseContexts(text), { contexts }))

for (const [text, error] of [
  ['[1]', 'Context 1 is not a JSON object'],
  ['{"a"', 'Context 1 is not a JSON object'],
  ['[', 'The list is not a JSON array'],
  ['x\n'.repeat(1_001), 'The list has 1001 contexts, more than 1000'],
] as const)
  test(`parseContexts() refuses a list: ${error}`, () => assert.deepEqual(parseContexts(text), { error }))
