import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sayRuleText } from '../../../../src/console/pages/segments/sentence.ts'

for (const [text, sentence] of [
  ['{"ends_with":[{"var":"email"},"@example.com"]}', 'email ends with "@example.com"'],
  ['["ada","bo"]', 'one of ada, bo'],
  ['{"or":[{"$ref":"staff"},{"==":[{"var":"plan"},"pro"]}]}', 'in segment staff or plan is pro'],
] as const)
  test(`the rule ${text} reads "${sentence}"`, () => assert.equal(sayRuleText(text), sentence))

test('a text that is no JSON says what is wrong', () => assert.notEqual(sayRuleText('{"in":'), ''))
