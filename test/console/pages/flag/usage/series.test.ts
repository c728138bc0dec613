import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seriesOf, sharesOf } from '../../../../../src/console/pages/flag/usage/series.ts'

const ITEMS = [
  { hour: '2026-11-01T00:00:00.000Z', variant: 'off', reason: 'DEFAULT', count: 1 },
  { hour: '2026-11-01T02:00:00.000Z', variant: 'on', reason: 'SPLIT', count: 2 },
  { hour: '2026-11-01T02:00:00.000Z', variant: 'on', reason: 'TARGETING_MATCH', count: 3 },
  { hour: '2026-11-01T02:00:00.000Z', variant: null, reason: 'PARSE_ERROR', count: 4 },
]

test('seriesOf() adds up each variant by hour, with the hours between, the most frequent first', () => {
  const { hours, series } = seriesOf(ITEMS, {
    from: '2026-11-01T00:00:00Z',
    to: '2026-11-01T02:30:00Z',
    variants: ['off', 'on'],
  })
  assert.deepEqual(
    hours.map((hour) => new Date(hour * 1_000).getUTCHours()),
    [0, 1, 2],
  )
  assert.deepEqual(
    series.map(({ name, counts, sum }) => ({ name, counts, sum })),
    [
      { name: 'on', counts: [0, 0, 5], sum: 5 },
      { name: 'parse_error', counts: [0, 0, 4], sum: 4 },
      { name: 'off', counts: [1, 0, 0], sum: 1 },
    ],
  )
  assert.deepEqual(
    series.map(({ name, color }) => [name, color]),
    [
      ['on', 'var(--variant-2)'],
      ['parse_error', 'var(--variant-3)'],
      ['off', 'var(--variant-1)'],
    ],
    'a variant has the colour of its place in the definition',
  )
})

test('sharesOf() is the share of each variant among all evaluations, failures included', () => {
  assert.deepEqual(Object.fromEntries(sharesOf(ITEMS)), { off: 0.1, on: 0.5 })
})
