/** The cost of the concurrency limit for a request that is served, in nanoseconds, compared with the same path without it. Goal: 150. */
import { stdout } from 'node:process'
import { measure } from 'mitata'
import { ConcurrencyLimit, drain } from '../src/server/requests.ts'
import type { Fetch } from '../src/server/server.ts'
import { newCounter } from '../src/telemetry/metrics.ts'
import { describeMachine } from './machine.ts'

const ROUND_NS = 300e6
const ROUNDS = 5

const request = new Request('http://localhost/ofrep/v1/evaluate/flags/a', { method: 'POST' })
const response = new Response()
/** A handler that only reads a body which has arrived. */
const handle: Fetch = async () => {
  await undefined
  return response
}
const limit = new ConcurrencyLimit({ requestsMax: 1_000_000_000, shed: newCounter() })
const unlimited = drain(handle).fetch
const limited = drain(limit.wrap(handle, () => undefined)).fetch

const CASES: Record<string, () => unknown> = {
  'a request': async () => void (await unlimited(request)),
  'a request within the limit': async () => void (await limited(request)),
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
