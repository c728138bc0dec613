// Propagation of a change to every replica: from the API's 200 to the moment when the last replica returns the new value.
// Three real replicas on a real Postgres and Redis, which are polled. While event streams are open, a change is pushed; otherwise it is
// detected at the next freshness check, FRESHNESS_MS after the last.
import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { evaluate, FLAG_SET, type Replicas, request, startReplicas } from '../test/support/replicas.ts'
import { startTestServer } from '../test/support/server.ts'

type Figures = {
  readonly name: string
  readonly changes: number
  readonly p50: number
  readonly p99: number
  readonly max: number
  readonly goal: number
}

const FRESHNESS_MS = 250
const PUSH_GOAL_MS = 50
const CHANGES = Number(process.argv.find((arg) => arg.startsWith('--changes='))?.slice('--changes='.length) ?? 500)
const POLL_MS = 2
/** Between changes, so that each starts at a different phase of the replicas' checks. */
const PAUSE_MS = 20

const server = await startTestServer()
const replicas = await startReplicas(['bun', 'bun', 'node'], { FRESHNESS_MS: String(FRESHNESS_MS) })
const figures: Figures[] = []
try {
  figures.push(await measure('detected (no stream open)', FRESHNESS_MS + 50))
  const close = await openStreams(replicas)
  figures.push(await measure('pushed (a stream open on each replica)', PUSH_GOAL_MS))
  close()
} finally {
  await replicas.close()
  await server.stop()
}
report(figures)

async function measure(name: string, goal: number): Promise<Figures> {
  const times: number[] = []
  for (let turn = 0; turn < CHANGES; turn++) {
    const writer = replicas.members[turn % replicas.members.length]
    const value = turn % 2 === 0
    const change = { method: 'PATCH', path: `${FLAG_SET}/flags/a`, body: { defaultVariant: value ? 'off' : 'on' } }
    const { status } = await request(writer?.address ?? '', replicas.adminKey, change)
    if (status !== 200) throw new Error(`Cannot measure: a change was answered with ${status}`)
    const start = performance.now()
    const arrivals = await Promise.all(replicas.members.map(({ address }) => until(!value, address, start)))
    times.push(Math.max(...arrivals))
    await sleep(PAUSE_MS + ((turn * 7) % 50))
  }
  times.sort((one, other) => one - other)
  const at = (share: number) => times[Math.min(times.length - 1, Math.ceil(share * times.length) - 1)] ?? Number.NaN
  return { name, changes: CHANGES, p50: at(0.5), p99: at(0.99), max: at(1), goal }
}

/** Polls one replica until it returns the new value; milliseconds since `start`. */
async function until(wanted: boolean, address: string, start: number): Promise<number> {
  while ((await evaluate(address, replicas.adminKey)) !== wanted) {
    if (performance.now() - start > 10_000) throw new Error('Cannot measure: a change did not arrive in 10 s')
    await sleep(POLL_MS)
  }
  return performance.now() - start
}

async function openStreams({ members, adminKey }: Replicas): Promise<() => void> {
  const stop = new AbortController()
  for (const { address } of members) {
    const headers = { 'flagd-selector': 'flagSetId=p/e' }
    const { body } = await request(address, adminKey, {
      method: 'POST',
      path: '/ofrep/v1/evaluate/flags',
      body: {},
      headers,
    })
    const stream = await fetch(`${address}${body.eventStreams[0].endpoint.requestUri}`, { signal: stop.signal })
    if (!stream.ok) throw new Error(`Cannot measure: an event stream was answered with ${stream.status}`)
    void stream.body?.pipeTo(new WritableStream()).catch(() => undefined)
  }
  await sleep(500) // the subscription to Redis starts after the stream's response
  return () => stop.abort()
}

function report(rows: readonly Figures[]): void {
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, freshnessMs: FRESHNESS_MS }
  if (process.argv.includes('--json')) console.log(JSON.stringify({ machine, rows }, null, 2))
  else {
    console.log(`Three replicas, one machine (${machine.cores} × ${machine.cpu}), FRESHNESS_MS=${FRESHNESS_MS}\n`)
    console.log('| a change is | changes | p50 ms | p99 ms | max ms | goal: p99 ms |\n|---|---:|---:|---:|---:|---:|')
    for (const { name, changes, p50, p99, max, goal } of rows)
      console.log(`| ${name} | ${changes} | ${p50.toFixed(1)} | ${p99.toFixed(1)} | ${max.toFixed(1)} | ${goal} |`)
  }
  if (!process.argv.includes('--check')) return
  const short = rows.filter(({ p99, goal }) => !(p99 <= goal))
  for (const { name, p99, goal } of short)
    console.error(`Falls short: ${name}: p99 ${p99.toFixed(1)} ms, goal ${goal} ms`)
  if (short.length > 0) process.exitCode = 1
}
