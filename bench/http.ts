// The HTTP doors beside the runtime's bare server, in one run: answers that one core works, latencies at a fixed rate, memory, and what one
// change of a large set costs. The service has metrics on and keeps 1 % of traces, as it is meant to run. Rates are by the server's
// own processor time, which other work on the machine hardly changes; the load comes from wrk on the other core.
// `--short` measures the two goals that a change most easily spoils, and asks for no more than half of each: a machine that does
// other things as well must not be taken for a slow service. `--rounds=N` is how often each is measured; `--only=TEXT` leaves out cases without that text, `--on=bun|node` a runtime.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kill, type Runtime } from '../test/support/process.ts'
import { startTestServer } from '../test/support/server.ts'
import { openStore } from '../test/support/store.ts'
import { BARE, type Case, prepareCases } from './http-cases.ts'
import { type Scale, scaleOf } from './http-scale.ts'
import { describeMachine } from './machine.ts'
import { type Latencies, paced } from './paced.ts'
import { startPeers } from './peers.ts'
import { median, needs, pinnedMyself, processorSeconds } from './processor.ts'
import { startSpanCounter } from './span-counter.ts'
import { startReference, startSubject } from './subject.ts'
import { type Shot, wrk } from './wrk.ts'

type Row = {
  readonly runtime: Runtime
  readonly name: string
  readonly perSecond: number
  readonly spread: number
  readonly of?: string | undefined
  readonly ratio?: number
  readonly goal?: number | undefined
}
type Timing = Latencies & { readonly runtime: Runtime; readonly name: string; readonly perSecond: number }
type Target = Case & { readonly pid: number; readonly port: number }
/** What is measured of a target: answers per second of processor time, and per second of a busy core. */
type Rates = { readonly worked: number[]; readonly served: number[] }

const option = (name: string): string | undefined =>
  process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3)
const IS_SHORT = process.argv.includes('--short')
const ROUNDS = Number(option('rounds') ?? (IS_SHORT ? 3 : 5))
const CONNECTIONS = 16
const SECONDS = 1
const LOAD = 0.7
/** Tail to middle at a fixed rate; milliseconds. */
const GOALS = { p99OfP50: 3, apply: 5, pause: 10 }
const SHORT_NAMES = ['OFREP single, targeting', 'OFREP bulk, 350 flags', 'OFREP bulk, 350 flags, 304']
/** Of a goal, what the short form asks for. */
const SLACK = IS_SHORT ? 0.5 : 1
const TRACES = (endpoint: string) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
  OTEL_TRACES_SAMPLER_ARG: '0.01',
})

needs('wrk', 'wrk')
if (!IS_SHORT) needs('h2load', 'nghttp2-client')
pinnedMyself(0) // with the collector
const database = await startTestServer()
const folder = await mkdtemp(join(tmpdir(), 'bench-http-'))
const rows: Row[] = []
const timings: Timing[] = []
const scales: Scale[] = []
let absent: readonly string[] = []
try {
  for (const runtime of ['bun', 'node'] as const)
    if ((option('on') ?? runtime) === runtime) {
      await measure(runtime)
      if (option('only') === undefined && !IS_SHORT) scales.push(await scaleOf(runtime))
    }
} finally {
  await rm(folder, { recursive: true })
  await database.stop()
}
report()

async function measure(runtime: Runtime): Promise<void> {
  const opened: (() => Promise<unknown>)[] = []
  try {
    const targets = await start(runtime, opened)
    const rates = new Map(targets.map(({ name }): [string, Rates] => [name, { worked: [], served: [] }]))
    for (const target of targets) await load(target) // warm up
    for (let round = 0; round < ROUNDS; round++)
      for (const target of targets) {
        const { worked, served } = await load(target)
        rates.get(target.name)?.worked.push(worked)
        rates.get(target.name)?.served.push(served)
      }
    rows.push(...targets.map((target) => rowOf(runtime, target, rates)))
    for (const target of targets)
      if (target.isTimed && !IS_SHORT)
        timings.push(await timingOf(runtime, target, median(rates.get(target.name)?.served ?? [])))
  } finally {
    for (const close of opened.reverse()) await close()
  }
}

/** The service with all its cases, and the bare server with an answer of each size. */
async function start(runtime: Runtime, opened: (() => Promise<unknown>)[]): Promise<Target[]> {
  const store = await openStore()
  opened.push(() => store.close())
  const collector = await startSpanCounter()
  opened.push(() => collector.close())
  const subject = await startSubject(runtime, { DATABASE_URL: store.url, ...TRACES(collector.endpoint) })
  opened.push(() => kill(subject.running))
  const isWanted = (name: string) => (IS_SHORT ? SHORT_NAMES.includes(name) : name.includes(option('only') ?? ''))
  const cases = (await prepareCases(subject)).filter(({ name }) => isWanted(name))
  const { program, port } = await startReference('bench/http-reference.ts', runtime)
  opened.push(() => kill(program))
  const ours = { pid: subject.running.child.pid ?? 0, port: Number(new URL(subject.running.address).port) }
  const bare = { pid: program.child.pid ?? 0, port }
  const targets = new Map<string, Target>()
  for (const each of cases) {
    const beside = besideOf(each)
    if (each.of === BARE) targets.set(beside, { name: beside, shot: bareShot(each), isTimed: beside === BARE, ...bare })
    targets.set(each.name, { ...each, ...ours })
  }
  const found = await startPeers(folder)
  absent = found.absent
  for (const { name, stop, ...where } of found.peers) {
    opened.push(async () => stop())
    for (const { name: what, shot, of } of cases.filter((each) => each.name.startsWith('OFREP single')))
      targets.set(`${name}: ${what}`, { name: `${name}: ${what}`, shot, of, ...where })
  }
  return [...targets.values()]
}

/** The name of what a case is compared with. */
function besideOf({ of, bytes }: Case): string {
  if (of !== BARE) return of ?? ''
  return bytes === undefined ? BARE : `${BARE}, ${bytes} bytes`
}

function bareShot({ shot, bytes }: Case): Shot {
  return { ...shot, path: bytes === undefined ? '/' : `/${bytes}` }
}

function rowOf(runtime: Runtime, target: Target, rates: ReadonlyMap<string, Rates>): Row {
  const { name, goal } = target
  const worked = rates.get(name)?.worked ?? []
  const perSecond = median(worked)
  const of = besideOf(target)
  const spread = (Math.max(...worked) - Math.min(...worked)) / perSecond
  const row = { runtime, name, perSecond, spread, goal }
  return of === '' ? row : { ...row, of, ratio: perSecond / median(rates.get(of)?.worked ?? []) }
}

async function load({ shot, pid, port }: Target): Promise<{ worked: number; served: number }> {
  const before = processorSeconds(pid)
  const { requests, perSecond } = await wrk(shot, { port, seconds: SECONDS, connections: CONNECTIONS, folder })
  return { worked: requests / (processorSeconds(pid) - before), served: perSecond }
}

/** Latencies at 70 % of what a busy core served. */
async function timingOf(runtime: Runtime, { name, shot, port }: Target, served: number): Promise<Timing> {
  const perSecond = Math.floor(served * LOAD)
  return { runtime, name, perSecond, ...(await paced(shot, { port, perSecond, folder })) }
}

function report(): void {
  const setting = { rounds: ROUNDS, seconds: SECONDS, connections: CONNECTIONS, load: 'wrk, at a fixed rate h2load' }
  if (process.argv.includes('--json'))
    console.log(
      JSON.stringify({ machine: describeMachine(), setting, goals: GOALS, absent, rows, timings, scales }, null, 2),
    )
  else print()
  if (!process.argv.includes('--check')) return
  const missed = missedGoals()
  for (const line of missed) console.error(`Falls short: ${line}`)
  if (missed.length > 0) process.exitCode = 1
}

function missedGoals(): string[] {
  const slow = rows.filter(({ ratio, goal }) => goal !== undefined && !((ratio ?? 0) >= goal * SLACK))
  const late = timings.filter(({ p50, p99 }) => !(p99 <= p50 * GOALS.p99OfP50))
  const large = scales.flatMap((scale) => scale.large ?? [])
  const standing = large.filter(({ apply, pause }) => !(apply <= GOALS.apply && pause <= GOALS.pause))
  return [
    ...slow.map(
      ({ runtime, name, of, ratio, goal }) =>
        `${name} on ${runtime}: ${ratio?.toFixed(2)} of ${of}, goal ${(goal ?? 0) * SLACK}`,
    ),
    ...late.map(({ runtime, name, p50, p99 }) => `${name} on ${runtime}: p99 is ${(p99 / p50).toFixed(1)} times p50`),
    ...standing.map(
      ({ runtime, apply, pause }) =>
        `a change on ${runtime}: ${apply.toFixed(1)} ms, a pause of ${pause.toFixed(1)} ms`,
    ),
  ]
}

function print(): void {
  console.log(
    `Answers per second of one core's work over HTTP/1.1, wrk with ${CONNECTIONS} connections; median of ${ROUNDS} rounds\n`,
  )
  console.log('| runtime | what | per second | spread | ratio | of | goal |\n|---|---|---:|---:|---:|---|---:|')
  for (const { runtime, name, perSecond, spread, of, ratio, goal } of rows)
    console.log(
      `| ${runtime} | ${name} | ${Math.round(perSecond)} | ${Math.round(spread * 100)} % | ${ratio?.toFixed(2) ?? ''} | ${of ?? ''} | ${goal ?? ''} |`,
    )
  console.log(
    `\n| runtime | at 70 % of the maximum | per second | p50, ms | p99 | p99.9 | p99 / p50 | answered |\n|---|---|---:|---:|---:|---:|---:|---:|`,
  )
  for (const { runtime, name, perSecond, p50, p99, p999, answered } of timings)
    console.log(
      `| ${runtime} | ${name} | ${perSecond} | ${p50.toFixed(2)} | ${p99.toFixed(2)} | ${p999.toFixed(2)} | ${(p99 / p50).toFixed(1)} | ${Math.round(answered * 100)} % |`,
    )
  console.log('\n| runtime | memory with | MiB |\n|---|---|---:|')
  for (const { runtime, what, mib } of scales.flatMap(({ weights }) => weights))
    console.log(`| ${runtime} | ${what} | ${Math.round(mib)} |`)
  console.log('\n| runtime | 10,000 flags: load, ms | apply one change | longest pause |\n|---|---:|---:|---:|')
  for (const { runtime, load, apply, pause } of scales.flatMap(({ large }) => large ?? []))
    console.log(`| ${runtime} | ${load.toFixed(1)} | ${apply.toFixed(2)} | ${pause.toFixed(1)} |`)
  if (absent.length > 0) console.log(`\nNot measured, because not here: ${absent.join(', ')}`)
}
