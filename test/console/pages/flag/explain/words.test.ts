import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectationText, timeExpectationText } from '../../../../../src/console/pages/flag/explain/words.ts'

for (const [operator, expected, text] of [
  ['==', 'pro', 'is "pro"'],
  ['<', 18, 'is less than 18'],
  ['<', [18, 65], 'is between 18 and 65'],
  ['<=', [18, 65], 'is from 18 to 65'],
  ['in', ['DE', 'FR'], 'is one of "DE", "FR"'],
  ['in', '@example.com', 'contains "@example.com"'],
  ['sem_ver', ['>=', '2.0.0'], 'is a version from "2.0.0"'],
  ['!!', null, 'is set'],
] as const)
  test(`${operator} with ${JSON.stringify(expected)} reads: ${text}`, () => {
    assert.equal(expectationText(operator, expected), text)
  })

test('a comparison with the time reads as one', () => {
  assert.match(timeExpectationText('>=', 1_750_000_000), /^is at or after \d+ Jun 2025/)
  assert.match(timeExpectationText('<', [0, 86_400]), /^is between .* and /)
})
