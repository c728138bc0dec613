import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { format, print } from '../../../src/console/rules/print.ts'
import { readDefinition, readSegment } from '../../../src/console/rules/read.ts'
import { nodeAt, parseText } from '../../../src/console/rules/text.ts'
import type { ConditionView } from '../../../src/console/rules/view.ts'

function conditionOf(rule: unknown): ConditionView {
  const { view } = readSegment(JSON.stringify(rule))
  assert.ok(view)
  return view
}

const plan = { var: 'plan' }
const now = { var: '$flagd.timestamp' }

for (const [rule, operator, values, isReversed = false] of [
  [{ '==': [plan, 'pro'] }, '==', ['pro']],
  [{ '==': ['pro', plan] }, '==', ['pro'], true],
  [{ '<': [5, plan] }, '>', [5], true],
  [{ '>=': [plan, 5] }, '>=', [5]],
  [{ '<=': [1, plan, 5] }, 'between_inclusive', [1, 5]],
  [{ in: [plan, ['a', 5]] }, 'one_of', ['a', 5]],
  [{ in: ['a', plan] }, 'contains', ['a'], true],
  [{ in: [plan, { $ref: 's' }] }, 'in_segment', []],
  [{ sem_ver: [plan, '^', '1.0.0'] }, 'sem_ver ^', ['1.0.0']],
  [{ sem_ver: ['1.0.0', '<', plan] }, 'sem_ver >', ['1.0.0'], true],
  [{ starts_with: [{ var: ['plan'] }, 'x'] }, 'starts_with', ['x']],
  [{ '!!': plan }, 'is_set', []],
  [{ '!': [plan] }, 'is_not_set', []],
  [plan, 'is_set', []],
] as const)
  test(`${JSON.stringify(rule)} is the clause ${operator}`, () => {
    const view = conditionOf(rule)
    assert.ok(view.kind === 'clause')
    assert.deepEqual(
      [view.attribute, view.operator, view.values, view.isReversed],
      ['plan', operator, values, isReversed],
    )
  })

for (const [rule, kind] of [
  [{ '<': [now, 1_750_000_000] }, 'time'],
  [{ '<': [now, 'tomorrow'] }, 'clause'],
  [{ $ref: 'staff' }, 'segment'],
  [{ '!': { $ref: 'staff' } }, 'not'],
  [{ or: [plan, { $ref: 'staff' }] }, 'group'],
  [['DE', 'AT'], 'list'],
  [true, 'constant'],
  [{ and: [] }, 'advanced'],
  [{ and: plan }, 'advanced'],
  [{ '==': [plan, plan] }, 'advanced'],
  [{ '==': [plan, 1, 2] }, 'advanced'],
  [{ '>': [1, plan, 2] }, 'advanced'],
  [{ starts_with: ['x', plan] }, 'advanced'],
  [{ in: [plan, 'text'] }, 'advanced'],
  [{ '==': [plan, 'a'], '!=': [plan, 'b'] }, 'advanced'],
  [{ missing: ['a'] }, 'advanced'],
  [{ '!': [] }, 'advanced'],
  [{ '==': [{ var: '' }, 1] }, 'advanced'],
] as const)
  test(`${JSON.stringify(rule)} is ${kind}`, () => assert.equal(conditionOf(rule).kind, kind))

test('nested else branches are read as one chain, with paths in the text', () => {
  const inner = { if: [{ $ref: 'b' }, 'off', { fractional: [plan, ['on', 1], ['off']] }] }
  const text = print({ state: 'ENABLED', variants: { on: 1, off: 2 }, targeting: { if: [{ $ref: 'a' }, 'on', inner] } })
  const { view } = readDefinition(text)
  assert.deepEqual(
    view?.rules.map(({ path, pair }) => [path, pair]),
    [
      [['targeting', 'if'], 0],
      [['targeting', 'if', 2, 'if'], 0],
    ],
  )
  const split = view?.otherwise
  assert.ok(split?.kind === 'split')
  assert.deepEqual(split.by, { attribute: 'plan', isSalted: false })
  assert.equal(split.total, 2)
  assert.equal(nodeAt(parseText(text).root, [...(split.shares[1]?.path ?? []), 0])?.value, 'off')
})

test('a result may name a variant by a boolean, a number, or in quotes, as for the evaluator', () => {
  const names = [true, 5, ' "on" ', null].map((result) => {
    const { view } = readDefinition(JSON.stringify({ variants: { on: 1 }, targeting: { if: [plan, result] } }))
    const found = view?.rules[0]?.result
    return found?.kind === 'result' ? found.variant : undefined
  })
  assert.deepEqual(names, ['true', '5', 'on', null])
})

test('a text that is no JSON has mistakes with their place, and no view', () => {
  for (const [text, offset, message] of [
    ['{"a": }', 6, 'Value is missing'],
    ['{"a": 1, "a": 2}', 9, 'Member "a" is there twice'],
    ['{"a": 1,}', 8, 'Property name is missing'],
    ['{"a": 1} // no', 9, 'Invalid comment token'],
    [`${'['.repeat(101)}${']'.repeat(101)}`, 100, 'Document nests deeper than 100'],
  ] as const) {
    const { view, mistakes } = readDefinition(text)
    assert.equal(view, undefined)
    assert.deepEqual([mistakes[0]?.offset, mistakes[0]?.message], [offset, message], text)
  }
})

test('exactly the texts that JSON.parse() accepts have a view', () => {
  const characters = fc.constantFrom(...'{}[],:"\\ \n\t10.5e-+aunlltrfs\u00a0\u2028/*'.split(''))
  const texts = fc.oneof(
    fc.string({ unit: characters }),
    fc.json().map((text) => text),
    fc.constantFrom('01', '1.', '"\\u12g4"', '.5'),
  )
  fc.assert(
    fc.property(texts, (text) => {
      const { root, mistakes } = parseText(text)
      let parsed: unknown
      try {
        parsed = JSON.parse(text)
      } catch {
        assert.equal(root, undefined, text)
        assert.ok(mistakes.length > 0, text)
        return
      }
      if (!mistakes.some(({ message }) => message.includes('twice')))
        assert.ok(root, `${text} ${JSON.stringify(parsed)}`)
    }),
    { numRuns: 3000 },
  )
})

test('print() and format() keep values, member order and the digits of numbers', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = print(value)
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)))
      assert.equal(format(text), text)
    }),
  )
  assert.equal(format('{"variants":{"2":1.0,"1":10e2}}'), '{\n  "variants": {\n    "2": 1.0,\n    "1": 10e2\n  }\n}')
})
