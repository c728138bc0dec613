import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareVersions, parseVersion } from '../../../src/flag/operators/version.ts'
import { ruleValue } from '../../support/rule.ts'

const VALID = ['1', '1.2', '1.2.3', 'v1', 'V1.2.3', '0.0.0', '1.2.3-a', '1.2.3-a.1.b-c', '1.2.3+build', '1.2.3-0+01.a']
for (const text of VALID) test(`parseVersion() reads ${text}`, () => assert.ok(parseVersion(text)))

const INVALID = [
  '',
  'v',
  ' 1.2.3',
  '1.2.3 ',
  'vv1.2.3',
  '1.2.3.4',
  '01.2.3',
  '1.02',
  '1.2.',
  '1..3',
  '.1',
  '-1',
  'a',
  '1.2-a',
  '1+b',
  '1.2.3-',
  '1.2.3+',
  '1.2.3-a..b',
  '1.2.3-01',
  '1.2.3-ä',
  '1.2.3a',
  '9007199254740993',
  `1.2.3-${'a'.repeat(300)}`,
  '1e3',
]
for (const text of INVALID)
  test(`parseVersion() refuses ${JSON.stringify(text.slice(0, 20))}`, () => assert.equal(parseVersion(text), undefined))

test('compareVersions() keeps the order of semver.org §11', () => {
  const order = [
    '0.9.9',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.1',
    '1.1.0',
    '1.10.0',
    '2',
    '10.0',
  ].map((text) => parseVersion(text) ?? assert.fail(text))
  for (const [at, left] of order.entries())
    for (const [other, right] of order.entries())
      assert.equal(Math.sign(compareVersions(left, right)), Math.sign(at - other))
})

for (const [left, test_, right, expected] of [
  ['1.2', '=', '1.2.0', true],
  ['1.2.3+a', '=', '1.2.3+b', true],
  ['1.2.3', '!=', '1.2.4', true],
  ['1.2.3', '^', '1.9.0', true],
  ['1.2.3', '^', '2.2.3', false],
  ['1.2.3', '~', '1.2.9', true],
  ['1.2.3', '~', '1.3.3', false],
  ['2.0.0-rc.1', '<', '2.0.0', true],
  [1.2, '>', '1.1', true],
  [2, '>=', 2, true],
  [true, '=', '1', null],
  [null, '=', '1', null],
  ['1.0.0', '==', '1.0.0', null],
  ['1.0.0', null, '1.0.0', null],
] as const) {
  test(`sem_ver ${left} ${test_} ${right} is ${expected}, written or from the context`, () => {
    assert.equal(ruleValue({ sem_ver: [left, test_, right] }), expected)
    const rule = { sem_ver: [{ var: 'left' }, { var: 'test' }, { var: 'right' }] }
    assert.equal(ruleValue(rule, { left, test: test_, right }), expected)
  })
}

test('sem_ver with two or four operands is null', () => {
  assert.equal(ruleValue({ sem_ver: ['1.0.0', '='] }), null)
  assert.equal(ruleValue({ sem_ver: ['1.0.0', '=', '1.0.0', '1.0.0'] }), null)
})
