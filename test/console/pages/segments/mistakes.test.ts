import assert from 'node:assert/strict'
import { test } from 'node:test'
import { segmentMistakesIn } from '../../../../src/console/pages/flag/json/mistakes.ts'

const SEGMENTS = { beta: { $ref: 'staff' }, staff: { in: [{ var: 'email' }, ['ada@example.com']] } }

for (const text of ['{"$ref":"staff"}', '["ada","bo"]', '{"in":[{"var":"plan"},["pro"]]}'])
  test(`segmentMistakesIn() accepts the rule ${text}`, () =>
    assert.deepEqual(segmentMistakesIn(text, 'beta', SEGMENTS), []))

for (const [text, place] of [
  ['{"in":', undefined],
  ['{"and":[{"$ref":"missing"},true]}', '"missing"'],
  ['{"$ref":"beta"}', '"beta"'],
] as const)
  test(`segmentMistakesIn() finds what is wrong with the rule ${text}`, () => {
    const [mistake] = segmentMistakesIn(text, 'beta', SEGMENTS)
    assert.ok(mistake)
    if (place) assert.ok(text.slice(mistake.from, mistake.to).includes(place), text.slice(mistake.from, mistake.to))
    else assert.equal(mistake.pointer, undefined)
  })
