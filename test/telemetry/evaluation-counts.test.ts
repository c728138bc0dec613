import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Evaluation, fail } from '../../src/flag/evaluate.ts'
import { EvaluationCounts } from '../../src/telemetry/evaluation-counts.ts'

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

test('a list that comes again is counted as its answers are', () => {
  const evaluations = new EvaluationCounts()
  const list = [answer, { ...answer, key: 'b' }, { ...answer, reason: 'DISABLED' }] as const
  for (let times = 0; times < 3; times += 1) evaluations.countAll('p/e', list)
  evaluations.countAll('p/f', list)
  evaluations.count('p/e', answer)
  const counted = new Map(evaluations.all())
  assert.deepEqual([counted.get('p/e')?.STATIC, counted.get('p/e')?.DISABLED], [7, 3])
  assert.deepEqual([counted.get('p/f')?.STATIC, counted.get('p/f')?.DISABLED], [2, 1])
})

test('more environments than a replica holds are counted together', () => {
  const evaluations = new EvaluationCounts()
  for (let n = 0; n < 3_000; n += 1) evaluations.count(`p/e${n}`, answer)
  const counted = new Map(evaluations.all())
  assert.equal(counted.size, 1_001)
  assert.equal(counted.get('p/e999')?.STATIC, 1)
  assert.equal(counted.get('other')?.STATIC, 2_000)
})
