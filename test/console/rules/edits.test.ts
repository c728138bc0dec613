import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { print } from '../../../src/console/rules/print.ts'
import { applyEdits, invertEdits, type JsonPath, nodeAt, parseText } from '../../../src/console/rules/text.ts'
import { checkDefinition, checkShape } from '../../../src/flag/check/definition.ts'
import { withConformance } from '../../support/conformance.ts'
import { conformanceRules, definition, SEGMENTS } from './generators.ts'

import { type Operation, operationsOn, seeds, viewOf } from './operations.ts'

/** Messages without the values that they quote: another value may be as wrong as the one before. */
const mistakesIn = (text: string): string[] => {
  const value: unknown = JSON.parse(text)
  const mistakes = [...checkShape(value).mistakes, ...checkDefinition(value, SEGMENTS)]
  return mistakes.map(({ message }) => message.replaceAll(/"[^"]*"|-?[\d.]+/g, '…'))
}

const without = (value: unknown, path: JsonPath): unknown => {
  const [step, ...rest] = path
  if (step === undefined) return 'removed'
  const copy = structuredClone(value) as Record<string, unknown>
  if (rest.length === 0) delete copy[String(step)]
  else copy[String(step)] = without(copy[String(step)], rest)
  return copy
}

/** The bytes before and after the value at a path; undefined if there is no value. */
function around(text: string, path: JsonPath): [string, string] | undefined {
  const node = nodeAt(parseText(text).root, path)
  return node && [text.slice(0, node.offset), text.slice(node.offset + node.length)]
}

function checkOperation(text: string, { name, edits, within }: Operation): string {
  const after = applyEdits(text, edits)
  assert.doesNotThrow(() => JSON.parse(after), `${name}: ${text} → ${after}`)
  assert.equal(applyEdits(after, invertEdits(text, edits)), text, `${name}: undo`)
  const [outside, outsideAfter] = [around(text, within), around(after, within)]
  if (outside && outsideAfter) assert.deepEqual(outsideAfter, outside, `${name} outside /${within.join('/')}: ${text}`)
  assert.deepEqual(without(JSON.parse(after), within), without(JSON.parse(text), within), name)
  const known = new Set(mistakesIn(text))
  assert.deepEqual(
    mistakesIn(after).filter((message) => !known.has(message)),
    [],
    `${name}: ${text} → ${after}`,
  )
  return after
}

const asTyped = (value: unknown): string => JSON.stringify(value).replaceAll(',', ' ,')
const layouts = fc.constantFrom<(value: unknown) => string>(
  (value) => print(value),
  (value) => JSON.stringify(value),
  (value) => JSON.stringify(value, null, 4),
  asTyped,
)

test('every operation changes its own part only, can be undone to the byte, and makes no new mistake', () => {
  fc.assert(
    fc.property(definition, layouts, seeds, (value, layout, seed) => {
      const text = layout(value)
      for (const operation of operationsOn(text, seed)) checkOperation(text, operation)
    }),
    { numRuns: 500 },
  )
})

test('any mix of operations in the builder and in JSON gives what the same edits of the JSON give', () => {
  fc.assert(
    fc.property(definition, fc.array(seeds, { maxLength: 8 }), (value, mix) => {
      let text = print(value)
      const versions = [text]
      for (const seed of mix) {
        const operations = operationsOn(text, seed)
        const operation = operations[seed.other % operations.length]
        if (operation) text = checkOperation(text, operation)
        if (seed.number % 3 === 0) text = print(JSON.parse(text))
        versions.push(text)
      }
      assert.deepEqual(viewOf(text), viewOf(JSON.stringify(JSON.parse(text))), 'the view depends on the value alone')
    }),
    { numRuns: 300 },
  )
})

withConformance('conformance rules', () => {
  test('every operation on the conformance rules changes its own part only', () => {
    const rules = conformanceRules()
    assert.ok(rules.length > 100)
    for (const targeting of rules) {
      const text = print({ state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off', targeting })
      for (const number of [0, 1, 2, 3, 5, 7, 11])
        for (const operation of operationsOn(text, { number, other: number, condition: true, result: 'on' }))
          checkOperation(text, operation)
    }
  })

  test('opening and printing the conformance rules again gives the same bytes', () => {
    for (const rule of conformanceRules()) {
      const text = print(rule)
      assert.deepEqual(JSON.parse(text), rule)
      assert.equal(print(JSON.parse(text)), text)
    }
  })
})
