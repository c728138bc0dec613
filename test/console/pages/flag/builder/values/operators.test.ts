import assert from 'node:assert/strict'
import { test } from 'node:test'
import { convertScalar, scalarOfText } from '../../../../../../src/console/pages/flag/builder/values/operators.ts'

for (const [text, type, value] of [
  ['5', 'text', '5'],
  ['5', 'number', 5],
  ['-1.5e3', 'number', -1500],
  ['-', 'number', undefined],
  ['0x10', 'number', undefined],
  ['', 'number', undefined],
  ['1e999', 'number', undefined],
  ['true', 'boolean', true],
  ['yes', 'boolean', undefined],
] as const)
  test(`"${text}" as ${type} is ${String(value)}`, () => assert.equal(scalarOfText(text, type), value))

test('convertScalar() keeps what both types can express', () => {
  assert.equal(convertScalar('5', 'number'), 5)
  assert.equal(convertScalar(5, 'text'), '5')
  assert.equal(convertScalar('x', 'number'), 0)
  assert.equal(convertScalar('x', 'null'), null)
})
