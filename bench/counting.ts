// The cost of recording one evaluation, one request and one call, in nanoseconds. Goal: 100 for an evaluation. For comparison, the cost of
// the packages' middleware for the same request, sampled at 1 %: the reason why evaluations do not use it.

import { stdout } from 'node:process'
import { httpInstrumentationMiddleware } from '@hono/otel'
import { prometheus } from '@hono/prometheus'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { Hono, type MiddlewareHandler } from 'hono'
import { measure } from 'mitata'
import type { Evaluation } from '../src/flag/evaluate.ts'
import { RequestRecord, type TelemetrySinks } from '../src/routes/ofrep/evaluation-handler.ts'
import { EvaluationCounts, newHistogram, RequestDurations } from '../src/telemetry/metrics.ts'
import { Tracer } from '../src/telemetry/tracer.ts'
import { describeMachine } from './machine.ts'

const ROUND_NS = 200e6
const SHARE = 0.01
const REASONS = ['STATIC', 'DEFAULT', 'TARGETING_MATCH'] as const
const ANSWERS = REASONS.map((reason): Evaluation => ({ key: 'a', variant: 'on', reason, metadata: {} }))
const FLAG_SETS = Array.from({ length: 8 }, (_, n) => `project/environment-${n}`)

const evaluations = new EvaluationCounts()
const timing = newHistogram()
const request = new Request('http://localhost/flags/a', { method: 'POST' })
const answer = new Response()
const response = { status: 200, headers: {}, body: null }
const observer = (ratio?: number): TelemetrySinks => ({
  requests: new RequestDurations(),
  tracer: new Tracer({ sampling: ratio === undefined ? undefined : { ratio, followsParent: true } }),
})
const recorded = (sinks: TelemetrySinks) => new RequestRecord(sinks, '/flags/:key', request).end(response)
const counted = observer()
const sampled = observer(SHARE)
const traced = observer(1)

/** Requests through an app whose route does nothing, which isolates the cost of its middleware. */
function through(middleware: readonly MiddlewareHandler[]): () => Promise<Response> {
  const app = new Hono()
  for (const each of middleware) app.use(each)
  app.post('/flags/:key', () => answer)
  return async () => app.fetch(request)
}
const exporter = {
  export: (_: unknown, done: (result: { code: number }) => void) => done({ code: 0 }),
  shutdown: async () => undefined,
}
const tracerProvider = new TracerProvider({
  sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(SHARE) }),
  spanProcessors: [new BatchSpanProcessor({ exporter })],
})

let turn = 0
const CASES: Record<string, () => unknown> = {
  'an evaluation': () => {
    turn = (turn + 1) & 7
    evaluations.count(FLAG_SETS[turn] ?? '', ANSWERS[turn % 3] ?? { key: '', reason: 'STATIC', metadata: {} })
  },
  'a measured duration': () => timing.add(0.0004),
  'an evaluation request: two clock readings, its counter, its trace': () => recorded(counted),
  'the same, 1 % of all traced': () => recorded(sampled),
  'the same, all traced': () => recorded(traced),
  'a request through Hono alone': through([]),
  'the same with @hono/prometheus': through([prometheus().registerMetrics]),
  'the same with @hono/otel and its SDK, 1 %': through([httpInstrumentationMiddleware({ tracerProvider })]),
}

stdout.write(`${JSON.stringify(describeMachine())}\n`)
for (const [name, run] of Object.entries(CASES)) {
  const { p50 } = await measure(run, { min_cpu_time: ROUND_NS })
  stdout.write(`${p50.toFixed(0).padStart(6)} ns  ${name}\n`)
}
