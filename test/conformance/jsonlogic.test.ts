import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readJson, withConformance } from '../support/conformance.ts'
import { ruleValue } from '../support/rule.ts'

type Case = { readonly description: string; readonly rule: unknown; readonly data?: unknown; readonly result: unknown }

withConformance('JSONLogic: the cases on which all engines agree', () => {
  const cases = (readJson('jsonlogic/compatible.json') as (Case | string)[]).filter((row) => typeof row !== 'string')

  test('there are 278 cases', () => assert.equal(cases.length, 278))

  for (const [index, { description, rule, data = null, result }] of cases.entries())
    test(`${index + 1}: ${description} with ${JSON.stringify(data)}`, () =>
      assert.deepEqual(ruleValue(rule, data), result))
})
