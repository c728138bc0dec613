// Cold start: the time from exec to the first correct evaluation over HTTP, for the programs of the images. The service runs on one processor,
// the client on the other; with a real Postgres and Redis and 1,000 flags. Compared with a bare server of the same runtime, built the same
// way; their starts alternate. "--runs=N" starts each N times.
import { startCollector } from '../test/support/collector.ts'
import { kill, type Runtime } from '../test/support/process.ts'
import { FLAG_SET, request, startReplicas } from '../test/support/replicas.ts'
import { startTestServer } from '../test/support/server.ts'
import { buildPrograms } from './cold-programs.ts'
import { type Cold, coldStart, type Start } from './cold-start.ts'
import { describeMachine } from './machine.ts'
import { pinned, pinnedMyself } from './processor.ts'
import { processorQuota } from './quota.ts'

/** Upper limits. `ofHello`: the time to the first evaluation, as a multiple of the bare server's. */
type Goal = { readonly ofHello?: number; readonly residentMb?: number }
type Subject = {
  readonly runtime: Runtime
  readonly name: string
  readonly start: Start
  /** The bare server that this one is compared with. */
  readonly beside?: Subject
  readonly goal?: Goal
}
type Row = {
  readonly runtime: Runtime
  readonly name: string
  readonly p50: number
  readonly p99: number
  readonly ofHello: number
  readonly residentMb: number
  readonly goal: Goal
}

const RUNS = Number(process.argv.find((arg) => arg.startsWith('--runs='))?.slice('--runs='.length) ?? 30)
const FLAGS = 1_000
const QUOTA = 0.25
const GOALS: Record<Runtime, Goal> = {
  bun: { ofHello: 4, residentMb: 60 },
  node: { ofHello: 1.6, residentMb: 80 },
}
const isOn = { in: ['@example.com', { var: 'email' }] }
const FLAG = {
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'off',
  targeting: { if: [isOn, 'on', 'off'] },
}

pinnedMyself(0)
const programs = await buildPrograms()
const server = await startTestServer()
const replicas = await startReplicas(['bun'])
const collector = await startCollector()
const quota = processorQuota(QUOTA)
const results = new Map<Subject, Cold[]>()
try {
  const key = await fill()
  const subjects = (['bun', 'node'] as const).flatMap(subjectsOf)
  for (const subject of subjects) results.set(subject, [])
  for (let run = 0; run < RUNS; run++)
    for (const subject of subjects) results.get(subject)?.push(await coldStart(subject.start, key))
} finally {
  quota?.close()
  await collector.close()
  await replicas.close()
  await server.stop()
}
report([...results.keys()].map(rowOf))

/** Stores the flags in Postgres and Redis through a replica, which is stopped afterwards. Returns a client key. */
async function fill(): Promise<string> {
  const [member] = replicas.members
  if (!member) throw new Error('Cannot measure: there is no replica')
  const send = async (method: string, path: string, body: object) => {
    const answer = await request(member.address, replicas.adminKey, { method, path, body })
    if (answer.status >= 300) throw new Error(`Cannot measure: ${method} ${path} answers ${answer.status}`)
    return answer.body
  }
  const keys = ['a', ...Array.from({ length: FLAGS - 1 }, (_, at) => `flag-${at}`)]
  await send('PUT', `${FLAG_SET}/flagset`, { flags: Object.fromEntries(keys.map((key) => [key, FLAG])) })
  const environment = { project: 'p', environment: 'e' }
  const { secret } = await send('POST', '/api/v1/keys', { name: 'bench', role: 'client', environment })
  await kill(member)
  return secret
}

function subjectsOf(runtime: Runtime): Subject[] {
  const { service, hello } = programs[runtime]
  const onOne = ({ command, env }: Start, more: Record<string, string> = {}): Start => ({
    command: [...pinned(1), ...command],
    env: { PATH: process.env['PATH'] ?? '', ...env, ...more },
  })
  const database = { DATABASE_URL: replicas.store.url }
  const both = { ...database, REDIS_URL: replicas.redis.url }
  const traced = { ...both, OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint }
  const limited = ({ command, env }: Start): Start => ({ command: [...(quota?.prefix ?? []), ...command], env })
  const beside: Subject = { runtime, name: 'bare server', start: onOne(hello) }
  const usual: Subject[] = [
    beside,
    { runtime, name: 'copy in Redis', start: onOne(service, both), beside, goal: GOALS[runtime] },
    { runtime, name: 'Postgres alone', start: onOne(service, database), beside },
    { runtime, name: 'copy in Redis, telemetry', start: onOne(service, traced), beside },
  ]
  if (!quota || runtime !== 'bun') return usual
  const slow: Subject = { runtime, name: `bare server, ${QUOTA} CPU`, start: limited(onOne(hello)) }
  const start = limited(onOne(service, both))
  return [...usual, slow, { runtime, name: `copy in Redis, ${QUOTA} CPU`, start, beside: slow }]
}

function rowOf(subject: Subject): Row {
  const { runtime, name, beside = subject, goal = {} } = subject
  const [p50 = Number.NaN, p99 = Number.NaN] = [0.5, 0.99].map((share) => quantile(subject, share, ({ ms }) => ms))
  const ofHello = p50 / quantile(beside, 0.5, ({ ms }) => ms)
  return { runtime, name, p50, p99, ofHello, residentMb: quantile(subject, 0.5, (cold) => cold.residentMb), goal }
}

function quantile(subject: Subject, share: number, figure: (cold: Cold) => number): number {
  const sorted = (results.get(subject) ?? []).map(figure).sort((one, other) => one - other)
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN
}

function report(rows: readonly Row[]): void {
  const setting = { runs: RUNS, flags: FLAGS, pinned: pinned(1).length > 0 }
  if (process.argv.includes('--json'))
    console.log(JSON.stringify({ machine: describeMachine(), setting, rows }, null, 2))
  else {
    console.log(
      `From exec to the first correct evaluation, one processor, ${FLAGS} flags; ${RUNS} runs of each, in turn\n`,
    )
    console.log('| runtime | start | p50 ms | p99 ms | of bare server | resident MB | goal |')
    console.log('|---|---|---:|---:|---:|---:|---|')
    for (const { runtime, name, p50, p99, ofHello, residentMb, goal } of rows) {
      const figures = [p50.toFixed(1), p99.toFixed(1), ofHello.toFixed(2), residentMb.toFixed(1)]
      console.log(`| ${[runtime, name, ...figures, textOf(goal)].join(' | ')} |`)
    }
  }
  if (!quota) console.error(`Left out: ${QUOTA} CPU, because this machine does not allow control groups`)
  if (!process.argv.includes('--check')) return
  const short = rows.flatMap(missesOf)
  for (const line of short) console.error(`Falls short: ${line}`)
  if (short.length > 0) process.exitCode = 1
}

function textOf({ ofHello, residentMb }: Goal): string {
  const parts = [ofHello && `${ofHello} ×`, residentMb && `${residentMb} MB`]
  return parts.filter(Boolean).join(', ')
}

function missesOf({ runtime, name, ofHello, residentMb, goal }: Row): string[] {
  const { ofHello: times = Infinity, residentMb: mb = Infinity } = goal
  return [
    ...(ofHello <= times ? [] : [`${ofHello.toFixed(2)} × the bare server, goal ${times} ×`]),
    ...(residentMb <= mb ? [] : [`${residentMb.toFixed(1)} MB resident, goal ${mb} MB`]),
  ].map((miss) => `${name} on ${runtime}: ${miss}`)
}
