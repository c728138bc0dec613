import assert from 'node:assert/strict'
import { test } from 'node:test'
import { suggestionsAt } from '../../../../../src/console/pages/flag/json/completion.ts'
import { mistakesIn } from '../../../../../src/console/pages/flag/json/mistakes.ts'

const WORDS = {
  root: 'definition',
  variants: ['on', 'off'],
  segments: ['staff'],
  attributes: ['plan'],
  values: new Map([
    ['plan', ['pro']],
    ['age', [18]],
  ]),
} as const
/** Suggestions at the place of "|". */
const wordsAt = (marked: string, root: 'definition' | 'rule' = 'definition') =>
  suggestionsAt(marked.replace('|', ''), marked.indexOf('|'), { ...WORDS, root })?.words ?? []

test('a mistake in a rule has the range of its value', () => {
  const text = '{"state":"ENABLED","variants":{"on":true},"targeting":{"if":[{"$ref":"beta"},"on"]}}'
  const [mistake, ...others] = mistakesIn(text, {})
  assert.equal(others.length, 0)
  assert.equal(mistake?.message, 'Segment "beta" does not exist')
  assert.equal(text.slice(mistake?.from, mistake?.to), '{"$ref":"beta"}')
})

test('a definition without mistakes has none', () => {
  assert.deepEqual(
    mistakesIn('{"state":"ENABLED","variants":{"on":true},"targeting":{"$ref":"beta"}}', { beta: true }),
    [],
  )
})

test('a text that is not JSON has a mistake without a pointer, of at least one character', () => {
  const [mistake] = mistakesIn('{"state":', {})
  assert.equal(mistake?.pointer, undefined)
  assert.ok(mistake && mistake.to > mistake.from)
})

for (const [marked, word] of [
  ['{"|"}', 'targeting'],
  ['{"state": |}', 'ENABLED'],
  ['{"defaultVariant": "|"}', 'off'],
  ['{"targeting": {"|"}}', 'fractional'],
  ['{"targeting": {"if": [{"$ref": "|"}]}}', 'staff'],
  ['{"targeting": {"==": [{"var": "|"}, 1]}}', 'plan'],
  ['{"targeting": {"sem_ver": [{"var": "v"}, "|", "1.0.0"]}}', '^'],
  ['{"targeting": {"if": [true, "|"]}}', 'on'],
  ['{"targeting": {"==": [{"var": "plan"}, "|"]}}', 'pro'],
  ['{"targeting": {"and": [{"in": [{"var": "plan"}, ["pro", "|"]]}]}}', 'pro'],
  ['{"targeting": {"<": [|, {"var": "age"}]}}', 18],
] as const)
  test(`suggests ${word} at | in ${marked}`, () => assert.ok(wordsAt(marked).includes(word)))

for (const [marked, word] of [
  ['{"|"}', 'starts_with'],
  ['{"or": [{"|"}]}', 'sem_ver'],
  ['{"$ref": "|"}', 'staff'],
  ['{"in": [{"var": "|"}, []]}', 'plan'],
  ['{"==": [{"var": "plan"}, "|"]}', 'pro'],
] as const)
  test(`suggests ${word} at | in the rule ${marked}`, () => assert.ok(wordsAt(marked, 'rule').includes(word)))

test('a suggestion replaces the token that the cursor is in', () => {
  const text = '{"defaultVariant": "of"}'
  const found = suggestionsAt(text, text.indexOf('of') + 2, WORDS)
  assert.equal(text.slice(found?.from, found?.to), '"of"')
})

test('nothing is suggested in the values of variants', () => assert.deepEqual(wordsAt('{"variants": {"on": "|"}}'), []))
