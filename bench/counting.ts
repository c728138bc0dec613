/** What one evaluation, one request and one call cost to be counted, in nanoseconds; nothing else is done. Goal: 100 for an evaluation. */
import { stdout } from 'node:process'
import { measure } from 'mitata'
import type { Evaluation } from '../src/flag/evaluate.ts'
import { observeIn } from '../src/http/observe.ts'
import { Requests } from '../src/http/requests.ts'
import { Evaluations } from '../src/snapshot/evaluations.ts'
import { newTiming } from '../src/telemetry/tally.ts'
import { describeMachine } from './machine.ts'

const ROUND_NS = 200e6
const REASONS = ['STATIC', 'DEFAULT', 'TARGETING_MATCH'] as const
const ANSWERS = REASONS.map((reason): Evaluation => ({ key: 'a', variant: 'on', reason, metadata: {} }))
const FLAG_SETS = Array.from({ length: 8 }, (_, n) => `project/environment-${n}`)

const evaluations = new Evaluations()
const timing = newTiming()
const observe = observeIn({ requests: new Requests() })
const request = new Request('http://localhost/ofrep/v1/evaluate/flags/a', { method: 'POST' })
const answer = new Response()

let turn = 0
const CASES: Record<string, () => unknown> = {
  'an evaluation': () => {
    turn = (turn + 1) & 7
    evaluations.count(FLAG_SETS[turn] ?? '', ANSWERS[turn % 3] ?? { key: '', reason: 'STATIC', metadata: {} })
  },
  'a duration that is known': () => timing.add(0.0004),
  'an evaluation request: two clocks, its cell, its trace': () => observe('/flags/:key', request).done(answer),
}

stdout.write(`${JSON.stringify(describeMachine())}\n`)
for (const [name, run] of Object.entries(CASES)) {
  const { p50 } = await measure(run, { min_cpu_time: ROUND_NS })
  stdout.write(`${p50.toFixed(0).padStart(5)} ns  ${name}\n`)
}
