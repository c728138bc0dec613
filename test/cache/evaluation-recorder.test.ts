import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { type EvaluationScope, evaluationRecorder } from '../../src/cache/evaluation-recorder.ts'
import { Usage } from '../../src/cache/usage.ts'
import type { Success } from '../../src/flag/evaluate.ts'
import type { UsageBatch } from '../../src/repository/postgres/usage.ts'
import { EvaluationEvents } from '../../src/telemetry/evaluation-events.ts'
import { EvaluationCounts } from '../../src/telemetry/metrics.ts'
import { SERVER, type Span } from '../../src/telemetry/span.ts'
import { Tracer } from '../../src/telemetry/tracer.ts'

const NOW = 1_750_000_000
const of = (key: string): Success => ({ key, value: true, variant: 'on', reason: 'STATIC', metadata: {} })
const LIST = [of('a'), of('b')]

let evaluations: EvaluationCounts
let stored: UsageBatch[]
let usage: Usage
let span: Span | undefined
let scope: EvaluationScope
beforeEach(() => {
  evaluations = new EvaluationCounts()
  stored = []
  usage = new Usage({ write: async (batch) => void stored.push(batch), replica: 'one', log: () => undefined })
  const tracer = new Tracer({ sampling: { ratio: 1, followsParent: true } })
  span = tracer.start({ name: 'request', kind: SERVER })
  const snapshot = { id: 1n, flagSetId: 'shop/live', revision: 7n }
  scope = { snapshot, context: { targetingKey: 'ada' }, now: NOW, span }
})
const repeatedScope = () => ({ ...scope, context: () => scope.context })

/** Evaluations in the metrics, and in the stored usage. */
async function counted(): Promise<[metrics: number | undefined, usage: number]> {
  await usage.store()
  const rows = stored.flatMap(({ counts }) => counts)
  return [new Map(evaluations.all()).get('shop/live')?.STATIC, rows.reduce((sum, { count }) => sum + count, 0)]
}

test('an evaluation is an event of the span of its request', async () => {
  const { count } = evaluationRecorder({ evaluations, usage })
  for (const evaluation of LIST) count(evaluation, scope)
  assert.deepEqual(await counted(), [2, 2])
  assert.deepEqual(
    span?.events.map(({ attributes }) => attributes['feature_flag.key']),
    ['a', 'b'],
  )
})

test('repeated evaluations are counted, without events in the span of their request', async () => {
  const { countAll } = evaluationRecorder({ evaluations, usage })
  for (let times = 0; times < 3; times += 1) countAll(LIST, repeatedScope())
  assert.deepEqual(await counted(), [6, 6])
  assert.deepEqual(span?.events, [])
})

test('repeated evaluations are evaluation events, with the trace of their request', async () => {
  const events = new EvaluationEvents(1)
  const { countAll } = evaluationRecorder({ evaluations, usage, events })
  countAll(LIST, repeatedScope())
  assert.deepEqual(await counted(), [2, 2])
  assert.deepEqual(span?.events, [])
  const sent: unknown[] = []
  events.queue.connect(({ evaluation, contextId, trace }) => sent.push([evaluation.key, contextId, trace]))
  assert.deepEqual(sent, [
    ['a', 'ada', span],
    ['b', 'ada', span],
  ])
})
