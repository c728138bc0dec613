// The HTTP routes compared with the runtime's bare server, in one run: responses per core, latencies at a fixed rate, memory, and the cost of
// one change of a large set. The service has metrics on and samples 1 % of traces, as in production. Rates are per second of the server's
// processor time, which other load on the machine hardly affects; the load comes from wrk on the other core.
// `--short` measures the two figures that regress most easily and requires only half of each goal, so that a busy machine does not fail it.
// `--rounds=N` sets the number of rounds; `--only=TEXT` selects the cases that contain the text, `--on=bun|node` a runtime.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kill, type Runtime } from '../test/support/process.ts'
import { startTestServer } from '../test/support/server.ts'
import { openStore } from '../test/support/store.ts'
import { BARE, type Case, prepareCases } from './http-cases.ts'
import { type Round, type Row, report, type Timing } from './http-report.ts'
import { type Scale, scaleOf } from './http-scale.ts'
import { paced } from './paced.ts'
import { isPresent, PEERS, type Peer, type PeerKind, startPeer } from './peers.ts'
import { median, needs, pinnedMyself, processorSeconds } from './processor.ts'
import { startSpanCounter } from './span-counter.ts'
import { startReference, startSubject } from './subject.ts'
import { type Shot, wrk } from './wrk.ts'

/** A request and the process that receives it; a `peer` receives the same request as the service in the case `of`. */
type Target = Case & {
  readonly pid: number
  readonly port: number
  readonly peer?: PeerKind
  /** Resumes a process for the duration of `work`, if it is stopped otherwise. */
  readonly during?: Peer['during']
}

const option = (name: string): string | undefined =>
  process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3)
const IS_SHORT = process.argv.includes('--short')
const ROUNDS = Number(option('rounds') ?? (IS_SHORT ? 3 : 5))
const CONNECTIONS = 16
const SECONDS = 1
/** Until the runtime has optimized the hot functions, a second time after the rare cases. */
const WARM_UP_SECONDS = IS_SHORT ? 4 : 6
const LOAD = 0.7
const TIMED_ROUNDS = 3
/** The largest p99, as a multiple of the bare server's. */
const P99_OF_BARE_MAX = 2
const SHORT_NAMES = ['OFREP single, targeting', 'OFREP bulk, 350 flags', 'OFREP bulk, 350 flags, 304']
/** The share of each goal that the short form requires. */
const SLACK = IS_SHORT ? 0.5 : 1
const TRACES = (endpoint: string) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
  OTEL_TRACES_SAMPLER_ARG: '0.01',
})

const always: Peer['during'] = (work) => work()

needs('wrk', 'wrk')
if (!IS_SHORT) needs('h2load', 'nghttp2-client')
pinnedMyself(0) // with the collector
const database = await startTestServer()
const folder = await mkdtemp(join(tmpdir(), 'bench-http-'))
const rows: Row[] = []
const timings: Timing[] = []
const scales: Scale[] = []
const absent = PEERS.filter((peer) => !isPresent(peer)).map(({ name }) => name)
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
const setting = { rounds: ROUNDS, seconds: SECONDS, connections: CONNECTIONS, load: 'wrk, at a fixed rate h2load' }
report({ setting, absent, rows, timings, scales }, SLACK)

async function measure(runtime: Runtime): Promise<void> {
  const opened: (() => Promise<unknown>)[] = []
  try {
    const targets = await start(runtime, opened)
    const rates = new Map(targets.map(({ name }): [string, number[]] => [name, []]))
    for (const target of targets) await load(target, WARM_UP_SECONDS)
    for (let round = 0; round < ROUNDS; round++)
      for (const target of targets) rates.get(target.name)?.push((await load(target)).worked)
    rows.push(...targets.map((target) => rowOf(runtime, target, rates)))
    for (const { peer, name, of } of targets)
      if (peer && of)
        rows.push(...besidePeer(runtime, peer, { name, of, ratio: ratioOf(rates.get(of), rates.get(name)) }))
    if (!IS_SHORT) timings.push(...(await timingsOf(runtime, targets)))
  } finally {
    for (const close of opened.reverse()) await close()
  }
}

/** The service with all cases, and the bare server with a response of each size. */
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
  const ours = {
    pid: subject.running.child.pid ?? 0,
    port: Number(new URL(subject.running.address).port),
  }
  const bare = { pid: program.child.pid ?? 0, port }
  const targets = new Map<string, Target>()
  for (const each of cases) {
    const beside = besideOf(each)
    if (each.of === BARE) targets.set(beside, { name: beside, shot: bareShot(each), isTimed: beside === BARE, ...bare })
    targets.set(each.name, { ...each, ...ours })
  }
  if (IS_SHORT) return [...targets.values()]
  const beside: Target[] = []
  for (const peer of PEERS.filter(isPresent)) beside.push(...(await startPeerFor(peer, cases, opened)))
  return [...targets.values(), ...beside]
}

/** A process of the peer for each set of flags. */
async function startPeerFor(
  peer: PeerKind,
  cases: readonly Case[],
  opened: (() => Promise<unknown>)[],
): Promise<Target[]> {
  const targets: Target[] = []
  for (const flags of new Set(cases.map((each) => each.flags))) {
    if (!flags) continue
    const { stop, ...where } = await startPeer(peer, flags, folder)
    opened.push(async () => stop())
    for (const { name, shot, isTimed = false } of cases.filter((each) => each.flags === flags))
      targets.push({ name: `${peer.name}: ${name}`, shot, of: name, isTimed, peer, ...where })
  }
  return targets
}

/** The name of the case or server that a case is compared with. */
function besideOf({ of, bytes }: Case): string {
  if (of !== BARE) return of ?? ''
  return bytes === undefined ? BARE : `${BARE}, ${bytes} bytes`
}

function bareShot({ shot, bytes }: Case): Shot {
  return { ...shot, path: bytes === undefined ? '/' : `/${bytes}` }
}

function rowOf(runtime: Runtime, target: Target, rates: ReadonlyMap<string, readonly number[]>): Row {
  const { name, goals } = target
  const worked = rates.get(name) ?? []
  const perSecond = median(worked)
  const of = besideOf(target)
  const spread = (Math.max(...worked) - Math.min(...worked)) / perSecond
  const row = { runtime, name, perSecond, spread, goal: goals?.[runtime] }
  return of === '' || target.peer ? row : { ...row, of, ratio: ratioOf(worked, rates.get(of)) }
}

/** The median of the ratios of each round: a temporary slowdown of the machine affects both sides of a round. */
function ratioOf(rates: readonly number[] = [], others: readonly number[] = []): number {
  return median(rates.map((rate, round) => rate / (others[round] ?? Number.NaN)))
}

/** The ratio of our rate to a peer's; empty if ours was not measured. */
function besidePeer(
  runtime: Runtime,
  { goals }: PeerKind,
  { name, of, ratio }: { readonly name: string; readonly of: string; readonly ratio: number },
): Row[] {
  const ours = rows.find((row) => row.runtime === runtime && row.name === of)
  const goal = (of.includes('bulk') ? goals?.bulk : goals?.single)?.[runtime]
  return ours ? [{ ...ours, of: name, ratio, goal }] : []
}

/** Responses per second of processor time, and per second of wall time. */
async function load(
  { shot, pid, port, during = always }: Target,
  seconds = SECONDS,
): Promise<{ worked: number; served: number }> {
  const before = processorSeconds(pid)
  const { requests, perSecond } = await during(() => wrk(shot, { port, seconds, connections: CONNECTIONS, folder }))
  return { worked: requests / (processorSeconds(pid) - before), served: perSecond }
}

/** Latencies at 70 % of the rate that was measured immediately before; for each target the round with the median p99. */
async function timingsOf(runtime: Runtime, targets: readonly Target[]): Promise<Timing[]> {
  const timed = targets.filter(({ isTimed }) => isTimed)
  const rounds = new Map(timed.map(({ name }): [string, Round[]] => [name, []]))
  for (let round = 0; round < TIMED_ROUNDS; round++)
    for (const target of timed) {
      const { shot, port, name, during = always } = target
      const perSecond = Math.floor((await load(target)).served * LOAD)
      const latencies = await during(() => paced(shot, { port, perSecond, folder }))
      rounds.get(name)?.push({ perSecond, ...latencies })
    }
  const p99s = (name: string) => rounds.get(name)?.map(({ p99 }) => p99)
  return timed.map(({ name, goals, of }) => ({
    runtime,
    name,
    ...medianRound(rounds.get(name) ?? []),
    ofBare: ratioOf(p99s(name), p99s(BARE)),
    goal: of === BARE && goals ? P99_OF_BARE_MAX : undefined,
  }))
}

function medianRound(rounds: readonly Round[]): Round {
  const middle = rounds.find(({ p99 }) => p99 === median(rounds.map((each) => each.p99)))
  if (!middle) throw new Error('Cannot measure: there was no round')
  return middle
}
