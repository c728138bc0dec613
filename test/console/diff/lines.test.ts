import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareLines } from '../../../src/console/diff/lines.ts'

const lines = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}`)

test('compareLines() shows the lines around a difference and hides the others', () => {
  const before = lines(20).join('\n')
  const after = before.replace('line 10\n', 'ten\n10.5\n')
  assert.deepEqual(
    compareLines(before, after, 2).map(({ kind, lines: { length }, ...place }) => [
      kind,
      length,
      place.before,
      place.after,
    ]),
    [
      ['hidden', 7, 1, 1],
      ['same', 2, 8, 8],
      ['removed', 1, 10, undefined],
      ['added', 2, undefined, 10],
      ['same', 2, 11, 12],
      ['hidden', 8, 13, 14],
    ],
  )
})

test('a comma at the end of a line is no difference', () => {
  const blocks = compareLines('{\n  "a": 1\n}', '{\n  "a": 1,\n  "b": 2\n}')
  assert.deepEqual(
    blocks.map(({ kind, lines: text }) => [kind, text]),
    [
      ['same', ['{', '  "a": 1,']],
      ['added', ['  "b": 2']],
      ['same', ['}']],
    ],
  )
})

test('the lines of all blocks are the lines of the two texts', () => {
  const texts = fc.array(fc.constantFrom('{', '}', '"a"', ''), { maxLength: 12 }).map((parts) => parts.join('\n'))
  fc.assert(
    fc.property(texts, texts, (before, after) => {
      const blocks = compareLines(before, after, 1)
      const of = (left: string) => blocks.filter(({ kind }) => kind !== left).flatMap((block) => block.lines)
      const ended = (text: string) => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))
      assert.deepEqual(of('added'), ended(before))
      assert.deepEqual(of('removed'), ended(after))
    }),
  )
})
