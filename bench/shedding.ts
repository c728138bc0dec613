/** What the bounds on load add to a request that is let in, in nanoseconds, beside the same path without them. Goal: 100. */
import { stdout } from 'node:process'
import { measure } from 'mitata'
import { drain } from '../src/server/drain.ts'
import { Load } from '../src/server/load.ts'
import type { Fetch } from '../src/server/server.ts'
import { newCounter } from '../src/telemetry/metrics.ts'
import { describeMachine } from './machine.ts'

const ROUND_NS = 300e6
const ROUNDS = 5

const load = new Load({
  requestsMax: 2_000,
  delayMsMax: 3_600_000, // nothing turns the loop here: it would soon be late
  now: () => performance.now(),
  after: (ms, run) => setTimeout(run, ms),
  shed: { concurrency: newCounter(), delay: newCounter() },
})
const request = new Request('http://localhost/ofrep/v1/evaluate/flags/a', { method: 'POST' })
const asked = () => ({ url: request.url, header: (name: string) => request.headers.get(name) })
const answer = new Response()
/** A handler that waits for nothing but a body that is there. */
const handle: Fetch = async () => {
  await undefined
  return answer
}
const refuse = load.refusing(() => undefined)
const counted = load.counted(handle)
const without = drain({ fetch: handle }).fetch
const bounded = drain({
  fetch: (given) => {
    refuse(request, asked)
    return counted(given)
  },
}).fetch

const CASES: Record<string, () => unknown> = {
  'a request': async () => void (await without(request)),
  'a request within bounds': async () => void (await bounded(request)),
  'its two looks and its place': () => {
    refuse(request, asked)
    load.begin()
    load.end()
  },
}

stdout.write(`${JSON.stringify(describeMachine())}\n`)
const medians = new Map<string, number[]>()
for (let round = 0; round < ROUNDS; round += 1)
  for (const [name, run] of Object.entries(CASES)) {
    const { p50 } = await measure(run, { min_cpu_time: ROUND_NS })
    medians.set(name, [...(medians.get(name) ?? []), p50])
  }
for (const [name, values] of medians)
  stdout.write(
    `${Math.min(...values)
      .toFixed(0)
      .padStart(5)} ns  ${name}\n`,
  )
