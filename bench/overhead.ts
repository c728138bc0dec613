// The cost of telemetry: OFREP evaluations per core without telemetry, with metrics, and with traces of 1 % and of all requests, compared with
// the runtime's bare server, in one run. Time is the server's processor time, exports included. The load comes from h2load
// (Debian: nghttp2-client) on the other core; wrk, if it is installed, measures the effect of collectors on p99.
import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Mood } from '../test/support/collector.ts'
import { kill, type Program, type Runtime } from '../test/support/process.ts'
import { startTestServer } from '../test/support/server.ts'
import { openStore } from '../test/support/store.ts'
import { describeMachine } from './machine.ts'
import { median, needs, pinned, pinnedMyself, processorSeconds } from './processor.ts'
import { type SpanCounter, startSpanCounter } from './span-counter.ts'
import { CONTEXT, startReference, startSubject } from './subject.ts'
import { wrk } from './wrk.ts'

type Row = {
  readonly runtime: Runtime
  readonly name: string
  readonly perSecond: number
  readonly spread: number
  readonly ofOff: number
  readonly ofBare: number
  /** Share of the requests' spans that arrived. */
  readonly arrived?: number
}
type Latency = {
  readonly runtime: Runtime
  readonly collector: string
  readonly p99: number
  readonly ofOff: number
  /** The largest p99 of a service that exports nothing: smaller differences are noise. */
  readonly noise: number
}
type Case = {
  readonly name: string
  readonly env: (endpoint: string) => Record<string, string>
}
type Server = Pick<Case, 'name'> & {
  readonly pid: number
  readonly port: number
  readonly key: string
  readonly collector: SpanCounter | undefined
}

const ROUNDS = Number(process.argv.find((arg) => arg.startsWith('--rounds='))?.slice('--rounds='.length) ?? 5)
/** Long enough that work at the end of a load, such as garbage collection, has little effect. */
const REQUESTS = 100_000
const CONNECTIONS = 16
const LATENCY_SECONDS = 2
const LATENCY_ROUNDS = 7
const PATH = '/ofrep/v1/evaluate/flags/targeted'
const traced = (ratio: string) => (endpoint: string) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
  OTEL_TRACES_SAMPLER_ARG: ratio,
})
const OFF = 'telemetry off'
/** The same configuration again: the difference between the two is noise. */
const AGAIN = 'telemetry off, again'
const CASES: readonly Case[] = [
  { name: OFF, env: () => ({ FLAGSTAFF_METRICS: 'off' }) },
  { name: 'metrics', env: () => ({}) },
  { name: 'metrics, 1 % traces', env: traced('0.01') },
  { name: 'metrics, 100 % traces', env: traced('1') },
]
const MOODS: readonly Mood[] = ['takes', 'refuses', 'hangs']

needs('h2load', 'nghttp2-client')
pinnedMyself(0) // the collectors run in this process
const hasWrk = !spawnSync('wrk', ['--version']).error
const database = await startTestServer()
const folder = await mkdtemp(join(tmpdir(), 'bench-overhead-'))
const body = JSON.stringify({ context: CONTEXT })
await writeFile(join(folder, 'body'), body)
const rows: Row[] = []
const latencies: Latency[] = []
try {
  for (const runtime of ['bun', 'node'] as const) {
    rows.push(...(await compare(runtime)))
    if (hasWrk) latencies.push(...(await latenciesOf(runtime)))
  }
} finally {
  await rm(folder, { recursive: true })
  await database.stop()
}
report()

async function compare(runtime: Runtime): Promise<Row[]> {
  const opened: (() => Promise<void>)[] = []
  try {
    const { program, port } = await startReference('bench/http-reference.ts', runtime)
    opened.push(() => kill(program))
    const servers: Server[] = [{ name: 'bare', pid: pidOf(program), port, key: '', collector: undefined }]
    for (const each of CASES) servers.push(await start(runtime, each, opened))
    const rates = new Map(servers.map(({ name }) => [name, [] as number[]]))
    for (const server of servers) await load(server) // warm up
    for (const { collector } of servers) if (collector) collector.spans = 0
    for (let round = 0; round < ROUNDS; round++)
      for (const server of servers) rates.get(server.name)?.push(await load(server))
    const rateOf = (name: string) => median(rates.get(name) ?? [])
    return servers.map(({ name, collector }) => {
      const values = rates.get(name) ?? []
      return {
        runtime,
        name,
        perSecond: rateOf(name),
        spread: (Math.max(...values) - Math.min(...values)) / rateOf(name),
        // By round: a temporary slowdown of the machine affects both sides.
        ofOff: median(values.map((rate, round) => rate / (rates.get(OFF)?.[round] ?? Number.NaN))),
        ofBare: rateOf(name) / rateOf('bare'),
        ...(name.includes('100 %') && { arrived: (collector?.spans ?? 0) / (ROUNDS * REQUESTS) }),
      }
    })
  } finally {
    for (const close of opened.reverse()) await close()
  }
}

async function start(runtime: Runtime, { name, env }: Case, opened: (() => Promise<void>)[]): Promise<Server> {
  const store = await openStore()
  opened.push(() => store.close())
  const collector = await startSpanCounter()
  opened.push(() => collector.close())
  const subject = await startSubject(runtime, { DATABASE_URL: store.url, ...env(collector.endpoint) })
  const { running, clientKey: key } = subject
  opened.push(() => kill(running))
  const { port } = new URL(running.address)
  return { name, pid: pidOf(running), port: Number(port), key, collector }
}

function pidOf({ child }: Program): number {
  return child.pid ?? 0
}

/** Requests per second of the server's processor time, until its exports are sent. */
async function load({ pid, port, key }: Server): Promise<number> {
  const headers = ['content-type: application/json', `authorization: Bearer ${key}`].flatMap((each) => ['-H', each])
  const size = ['--h1', '-n', String(REQUESTS), '-c', String(CONNECTIONS), '-d', join(folder, 'body')]
  const [command = '', ...args] = [...pinned(0), 'h2load', ...size, ...headers, `http://127.0.0.1:${port}${PATH}`]
  const before = processorSeconds(pid)
  const { stdout } = await promisify(execFile)(command, args)
  const succeeded = /(\d+) 2xx/.exec(stdout)?.[1]
  if (Number(succeeded) !== REQUESTS) throw new Error(`Cannot measure: ${stdout}`)
  await idle(pid)
  return REQUESTS / (processorSeconds(pid) - before)
}

/** Resolves when a process has been idle for a moment. */
async function idle(pid: number): Promise<void> {
  for (let last = -1, now = processorSeconds(pid); last !== now; now = processorSeconds(pid)) {
    last = now
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** p99 with each collector, and of a service that exports nothing. */
async function latenciesOf(runtime: Runtime): Promise<Latency[]> {
  const opened: (() => Promise<void>)[] = []
  try {
    const servers = new Map<string, Server>()
    for (const name of [OFF, AGAIN]) servers.set(name, await start(runtime, { name, env: () => ({}) }, opened))
    for (const mood of MOODS) {
      const server = await start(runtime, { name: mood, env: traced('0.01') }, opened)
      if (server.collector) server.collector.mood = mood
      servers.set(mood, server)
    }
    const p99 = new Map([...servers].map(([name]) => [name, [] as number[]]))
    for (let round = 0; round <= LATENCY_ROUNDS; round++)
      for (const [name, server] of servers) {
        const found = await tail(server)
        if (round > 0) p99.get(name)?.push(found) // the first warms up
      }
    const off = median(p99.get(OFF) ?? [])
    const noise = Math.max(...(p99.get(OFF) ?? []), ...(p99.get(AGAIN) ?? []))
    return [...p99].map(([collector, values]) => ({
      runtime,
      collector,
      p99: median(values),
      ofOff: median(values) / off,
      noise,
    }))
  } finally {
    for (const close of opened.reverse()) await close()
  }
}

/** p99 in milliseconds at full load. */
async function tail({ port, key }: Server): Promise<number> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  const shot = { method: 'POST', path: PATH, headers, body }
  return (await wrk(shot, { port, seconds: LATENCY_SECONDS, connections: CONNECTIONS, folder })).p99
}

function report(): void {
  const setting = { rounds: ROUNDS, requests: REQUESTS, connections: CONNECTIONS, load: 'h2load --h1' }
  if (process.argv.includes('--json'))
    console.log(JSON.stringify({ machine: describeMachine(), setting, rows, latencies }, null, 2))
  else print()
  if (!process.argv.includes('--check')) return
  const slow = latencies.filter(({ p99, noise }) => !(p99 <= noise))
  for (const { runtime, collector, p99, noise } of slow)
    console.error(
      `Falls short: p99 with a collector that ${collector} on ${runtime}: ${p99} ms, without up to ${noise}`,
    )
  if (slow.length > 0) process.exitCode = 1
}

function print(): void {
  console.log(
    `Evaluations per second of processor time over HTTP/1.1, ${CONNECTIONS} connections; median of ${ROUNDS} rounds\n`,
  )
  console.log('| runtime | telemetry | evaluations/s | spread | of off | of bare | spans that arrived |')
  console.log('|---|---|---:|---:|---:|---:|---:|---:|')
  for (const { runtime, name, perSecond, spread, ofOff, ofBare, arrived } of rows)
    console.log(
      `| ${runtime} | ${name} | ${Math.round(perSecond)} | ${Math.round(spread * 100)} % | ${ofOff.toFixed(2)} | ${ofBare.toFixed(2)} | ${arrived === undefined ? '' : `${Math.round(arrived * 100)} %`} |`,
    )
  console.log(
    '\n| runtime | collector, 1 % traces | p99 of a busy core, ms | of off | longest without |\n|---|---|---:|---:|---:|',
  )
  for (const { runtime, collector, p99, ofOff, noise } of latencies)
    console.log(`| ${runtime} | ${collector} | ${p99.toFixed(2)} | ${ofOff.toFixed(2)} | ${noise.toFixed(2)} |`)
  if (!hasWrk) console.log('| | not measured: wrk is not installed | | |')
}
