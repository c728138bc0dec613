import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AttributeCollector } from '../../../src/flag/rules/attributes.ts'

function attributesIn(...rules: readonly unknown[]) {
  const collector = new AttributeCollector()
  for (const rule of rules) collector.add(rule)
  const used = collector.attributes.filter(({ uses }) => uses > 0)
  return Object.fromEntries(used.map(({ name, values }) => [name, values]))
}

const clauses: readonly (readonly [unknown, Record<string, unknown[]>])[] = [
  [{ '==': [{ var: 'plan' }, 'pro'] }, { plan: ['pro'] }],
  [{ in: [{ var: ['plan'] }, ['pro', 'max', 'pro']] }, { plan: ['pro', 'max'] }],
  [{ in: ['@x', { var: 'email' }] }, { email: ['@x'] }],
  [{ '<': [1, { var: 'age' }, 5.5] }, { age: [1, 5.5] }],
  [{ '===': [{ var: 'beta' }, true] }, { beta: [true] }],
  [{ sem_ver: [{ var: 'version' }, '>=', '1.2.0'] }, { version: ['1.2.0'] }],
  [{ if: [{ '!!': [{ var: 'a.b' }] }, 'on', 'off'] }, { 'a.b': [] }],
  [{ fractional: [{ var: 'team' }, ['on', 50], ['off', 50]] }, { team: [] }],
  [{ missing: ['a', 'b'] }, { a: [], b: [] }],
  [{ missing: [['a', 'b']] }, { a: [], b: [] }],
  [{ missing: { merge: ['a', ['b'], { if: [{ var: 'c' }, ['x'], []] }] } }, { a: [], b: [], c: [] }],
  [{ missing_some: [1, ['a', 'b', 'a.c']] }, { a: [], b: [], 'a.c': [] }],
  [{ missing_some: [{ var: 'n' }, { merge: ['a', ['b']] }] }, { n: [], a: [], b: [] }],
  [{ reduce: [{ var: 'list' }, { var: 'current' }, { var: 'start' }] }, { list: [], start: [] }],
  [{ some: [{ var: 'groups' }, { '==': [{ var: 'name' }, 'x'] }] }, { groups: [] }],
  [{ '==': [{ var: ['plan', 'none'] }, 'pro'] }, { plan: [] }],
  [{ and: [{ '==': [{ var: 'a' }, 1] }, { or: [{ '==': [{ var: 'a' }, '1'] }, { $ref: 's' }] }] }, { a: ['1', 1] }],
  [{ '>': [{ var: '$flagd.timestamp' }, 1_800_000_000] }, { '$flagd.timestamp': [1_800_000_000] }],
  [{ var: '' }, {}],
  [['a', 'b'], {}],
  [null, {}],
]
for (const [rule, expected] of clauses)
  test(`the attributes of ${JSON.stringify(rule)} are ${JSON.stringify(expected)}`, () =>
    assert.deepEqual(attributesIn(rule), expected))

test('built-in attributes are always there, and attributes of most uses come first', () => {
  const collector = new AttributeCollector()
  assert.deepEqual(
    collector.attributes.map(({ name, isBuiltIn }) => [name, isBuiltIn]),
    [
      ['targetingKey', true],
      ['$flagd.flagKey', true],
      ['$flagd.timestamp', true],
    ],
  )
  collector.add({ and: [{ var: 'a' }, { var: 'b' }, { var: 'b' }] })
  assert.deepEqual(
    collector.attributes.slice(0, 2).map(({ name }) => name),
    ['b', 'a'],
  )
})

test('attributes, their values and the lengths of both are bounded', () => {
  const many = new AttributeCollector()
  for (let index = 0; index < 600; index += 1) many.add({ '==': [{ var: `a${index}` }, 'x'] })
  assert.equal(many.attributes.length, 500)
  const { values } = attributesIn({ in: [{ var: 'values' }, Array.from({ length: 50 }, (_, index) => index)] })
  assert.equal(values?.length, 20)
  assert.deepEqual(attributesIn({ '==': [{ var: 'a' }, 'x'.repeat(201)] }), { a: [] })
})

test('a rule that nests deeper than the call stack is read', () => {
  let rule: unknown = { var: 'deep' }
  for (let depth = 0; depth < 100_000; depth += 1) rule = { '!': [rule] }
  assert.deepEqual(attributesIn(rule), { deep: [] })
})

test('paths in lists that nest deeper than the call stack are read', () => {
  let list: unknown = ['deep']
  for (let depth = 0; depth < 100_000; depth += 1) list = [list]
  assert.deepEqual(attributesIn({ missing: list }), { deep: [] })
})

test('a list longer than the call stack is read', () => {
  const list = Array.from({ length: 500_000 }, (_, index) => `user-${index}`)
  assert.equal(attributesIn(list, { in: [{ var: 'id' }, list] })['id']?.length, 20)
})
