import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  convertScalar,
  OPERATOR_GROUPS,
  operatorName,
  scalarOfText,
  TIME_OPERATORS,
  timeOperatorName,
} from '../../../../../../src/console/pages/flag/builder/values/operators.ts'
import { expectationText } from '../../../../../../src/console/pages/flag/explain/words.ts'
import { clauseValue } from '../../../../../../src/console/rules/conditions.ts'
import { readSegment } from '../../../../../../src/console/rules/read.ts'
import { sayCondition } from '../../../../../../src/console/rules/say.ts'
import { summaryOf } from '../../../../../../src/flag/summary.ts'

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

/** What a flag serves in the list, with this condition. */
const servedIf = (condition: unknown): string =>
  summaryOf({ state: 'ENABLED', variants: { on: true, off: false }, targeting: { if: [condition, 'on'] } } as any)
    .served

for (const operator of OPERATOR_GROUPS.flatMap(([, operators]) => operators))
  test(`${operator} has one name in the builder, in sentences, in explanations and in the list`, () => {
    const name = operatorName(operator).split(' …')[0] ?? ''
    const condition: any = clauseValue({ attribute: 'age', operator, values: ['1.0.0', '2.0.0'] })
    const { view } = readSegment(JSON.stringify(condition))
    assert.ok(view && sayCondition(view).startsWith(`age ${name}`), view && sayCondition(view))
    const [[written = '', operands] = []] = Object.entries<any>(condition)
    const constants = operands.filter((operand: unknown) => typeof operand !== 'object' || Array.isArray(operand))
    const expected = operator === 'one_of' || constants.length === 1 ? constants[0] : constants
    assert.ok(expectationText(written, expected).startsWith(name), expectationText(written, expected))
    const isShort = operator.startsWith('between') // the list shows no ranges
    if (!isShort) assert.match(servedIf(condition), new RegExp(`^on if age ${name}`))
  })

for (const operator of TIME_OPERATORS)
  test(`the time ${operator} has one name in the builder, in sentences and in the list`, () => {
    const name = timeOperatorName(operator).split(' …')[0] ?? ''
    const condition = clauseValue({ attribute: '$flagd.timestamp', operator, values: [1_700_000_000, 1_800_000_000] })
    const { view } = readSegment(JSON.stringify(condition))
    assert.ok(view && sayCondition(view).startsWith(`the time ${name}`), view && sayCondition(view))
    if (!operator.startsWith('between')) assert.match(servedIf(condition), new RegExp(`^on if time ${name}`))
  })
