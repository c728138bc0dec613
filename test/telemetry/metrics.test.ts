import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Evaluation, fail } from '../../src/flag/evaluate.ts'
import { BOUNDS_SECONDS, EvaluationCounts, Labeled, newCounter, newHistogram } from '../../src/telemetry/metrics.ts'

test('a timing counts each duration once, in the bucket whose bound it does not exceed', () => {
  const timing = newHistogram()
  for (const bound of BOUNDS_SECONDS) timing.add(bound)
  assert.deepEqual(timing.counts, [...BOUNDS_SECONDS.map(() => 1), 0])
  timing.add(0)
  timing.add(1e9)
  assert.equal(timing.counts[0], 2)
  assert.equal(timing.counts.at(-1), 1)
  assert.equal(timing.seconds, BOUNDS_SECONDS.reduce((sum, bound) => sum + bound, 0) + 1e9)
})

test('a timing keeps the newest trace of each bucket, and none for untraced durations', () => {
  const timing = newHistogram()
  timing.add(0.3, 'a')
  timing.add(0.4, 'b')
  timing.add(0.4)
  timing.add(0.04)
  const known = timing.exemplars.filter((exemplar) => exemplar !== undefined)
  assert.deepEqual(
    known.map(({ traceId, seconds }) => [traceId, seconds]),
    [['b', 0.4]],
  )
})

test('a labelled metric has one cell for each combination of labels', () => {
  const tally = new Labeled(['a', 'b'], newCounter)
  tally.of('1', '23').value += 1
  tally.of('12', '3').value += 2
  tally.of('1', '23').value += 4
  assert.deepEqual(
    [...tally.all()],
    [
      { labels: { a: '1', b: '23' }, cell: { value: 5 } },
      { labels: { a: '12', b: '3' }, cell: { value: 2 } },
    ],
  )
})

const answer: Evaluation = { key: 'a', value: true, variant: 'on', reason: 'STATIC', metadata: {} }

test('evaluations are counted by environment and outcome', () => {
  const evaluations = new EvaluationCounts()
  evaluations.count('p/e', answer)
  evaluations.count('p/e', { ...answer, reason: 'TARGETING_MATCH' })
  evaluations.count('p/e', answer)
  evaluations.count('p/f', fail(answer, 'PARSE_ERROR', ''))
  const some = [...evaluations.all()].map(([name, outcomes]) => [
    name,
    Object.fromEntries(Object.entries(outcomes).filter(([, count]) => count > 0)),
  ])
  assert.deepEqual(some, [
    ['p/e', { STATIC: 2, TARGETING_MATCH: 1 }],
    ['p/f', { PARSE_ERROR: 1 }],
  ])
})

test('a repeated list is counted like its evaluations', () => {
  const evaluations = new EvaluationCounts()
  const list = [answer, { ...answer, key: 'b' }, { ...answer, reason: 'DISABLED' }] as const
  for (let times = 0; times < 3; times += 1) evaluations.countAll('p/e', list)
  evaluations.countAll('p/f', list)
  evaluations.count('p/e', answer)
  const counted = new Map(evaluations.all())
  assert.deepEqual([counted.get('p/e')?.STATIC, counted.get('p/e')?.DISABLED], [7, 3])
  assert.deepEqual([counted.get('p/f')?.STATIC, counted.get('p/f')?.DISABLED], [2, 1])
})

test('environments above the maximum are counted together', () => {
  const evaluations = new EvaluationCounts()
  for (let n = 0; n < 3_000; n += 1) evaluations.count(`p/e${n}`, answer)
  const counted = new Map(evaluations.all())
  assert.equal(counted.size, 1_001)
  assert.equal(counted.get('p/e999')?.STATIC, 1)
  assert.equal(counted.get('other')?.STATIC, 2_000)
})
