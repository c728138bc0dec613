import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { conflictIn } from '../../../src/console/rules/contradictions.ts'
import { print } from '../../../src/console/rules/print.ts'
import { readSegment } from '../../../src/console/rules/read.ts'
import { warningsIn } from '../../../src/console/rules/warnings.ts'
import { truthy } from '../../../src/flag/rules/expression.ts'
import { ruleValue } from '../../support/rule.ts'
import { condition, context, definition, SEGMENTS } from './generators.ts'

const staff = { $ref: 'staff' }
const plan = (name: string) => ({ '==': [{ var: 'plan' }, name] })
const age = (operator: string, bound: number) => ({ [operator]: [{ var: 'age' }, bound] })
const flag = (targeting: unknown) => ({
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'off',
  targeting,
})

for (const [rule, ...expected] of [
  [{ if: [staff, 'on', 'off'] }],
  [{ if: [true, 'off', staff, 'on'] }, ['true', 'Held at off for everyone: no other rule applies']],
  [
    { if: [staff, 'on', true, 'off', plan('pro'), 'on'] },
    ['{ "==": [{ "var": "plan" }, "pro"] }', 'Rule 3 never matches: rule 2 always does'],
  ],
  [{ if: [staff, 'on', staff, 'off'] }, ['{ "$ref": "staff" }', 'Rule 2 never matches: rule 1 has the same condition']],
  [{ if: [false, 'off', staff, 'on'] }, ['false', 'Rule 1 never matches: its condition is false']],
  [
    { if: [staff, 'gone'] },
    ['"gone"', '"gone" is no variant: the evaluation fails'],
    ['true', 'Variant on is never served'],
  ],
  [
    {
      fractional: [
        ['on', 0],
        ['off', 0],
      ],
    },
    [
      '{\n    "fractional": [\n      ["on", 0],\n      ["off", 0]\n    ]\n  }',
      'All weights are 0: the default variant is served',
    ],
    ['true', 'Variant on is never served'],
  ],
  [{ if: [staff, 'off'] }, ['true', 'Variant on is never served']],
  [{ if: [staff, { var: 'variant' }] }],
  [
    { if: [{ and: [plan('pro'), plan('free')] }, 'on'] },
    ['{ "==": [{ "var": "plan" }, "free"] }', 'Cannot hold together with "plan is pro"'],
  ],
  [{ if: [{ or: [plan('pro'), plan('free')] }, 'on'] }],
  [
    { if: [{ and: [age('>', 18), age('<=', 18)] }, 'on'] },
    ['{ "<=": [{ "var": "age" }, 18] }', 'Cannot hold together with "age is greater than 18"'],
  ],
  [{ if: [{ and: [age('>=', 18), age('<=', 18)] }, 'on'] }],
] as const)
  test(`warnings of ${JSON.stringify(rule)}`, () => {
    const text = print(flag(rule))
    const found = warningsIn(text).map(({ offset, length, message }) => [text.slice(offset, offset + length), message])
    assert.deepEqual(found, expected)
  })

test('a bucketing value that other engines read differently has a warning at its place', () => {
  const cat = { cat: [{ var: '$flagd.flagKey' }, { var: 'email' }] }
  const text = print(flag({ fractional: [cat, ['on', 1], ['off', 1]] }))
  const [warning, ...others] = warningsIn(text)
  assert.deepEqual([warning?.kind, others], ['seed', []])
  assert.deepEqual(warning?.path.slice(0, 3), ['targeting', 'fractional', 0])
})

test('two conditions that conflict are never both true', () => {
  fc.assert(
    fc.property(condition, condition, fc.array(context, { minLength: 20, maxLength: 20 }), (one, other, contexts) => {
      const [left, right] = [one, other].map((rule) => readSegment(JSON.stringify(rule)).view)
      if (!left || !right || !conflictIn(left, right)) return
      const value = (rule: unknown, each: unknown) => truthy(ruleValue(rule, each, { segments: SEGMENTS }))
      for (const each of contexts)
        assert.ok(!(value(one, each) && value(other, each)), JSON.stringify([one, other, each]))
    }),
    { numRuns: 3000 },
  )
})

test('every warning is at a place in the text', () => {
  fc.assert(
    fc.property(definition, (value) => {
      const text = print(value)
      for (const { offset, length, message } of warningsIn(text)) {
        assert.ok(offset >= 0 && length > 0 && offset + length <= text.length)
        assert.match(message, /\S/)
      }
    }),
  )
  assert.deepEqual(warningsIn('{'), [])
})
