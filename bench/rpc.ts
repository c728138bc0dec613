// Unary gRPC evaluations per second that one core works, beside servers with nothing behind them, in the same run and on the same runtime. Time is
// the server's own processor time, which other work on the machine hardly changes. The load comes from h2load (Debian: nghttp2-client)
// on the other core.
import { execFile, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { create, toBinary } from '@bufbuild/protobuf'
import { ResolveBooleanRequestSchema, Service } from '../src/rpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { GrpcClient } from '../test/support/grpc.ts'
import { kill, type Program, type Runtime, runProgram, startService } from '../test/support/process.ts'
import { startTestServer } from '../test/support/server.ts'
import { openStore } from '../test/support/store.ts'
import { describeMachine } from './machine.ts'

type Subject = {
  readonly name: string
  readonly pid: number
  readonly port: number
  readonly headers: readonly string[]
}
type Row = { runtime: Runtime; name: string; perSecond: number; spread: number; ratio: number; goal?: number }

const ADMIN_KEY = 'admin-key-for-benchmarks-0123456789'
const ROUNDS = Number(process.argv.find((arg) => arg.startsWith('--rounds='))?.slice('--rounds='.length) ?? 5)
const CALLS = 30_000
const CONNECTIONS = 32
const STREAMS = 4
const GOAL = 0.6
const TICKS_PER_SECOND = 100
const CONTEXT = { targetingKey: 'user-4711', email: 'ada@example.com', country: 'DE', version: '2.3.1' }
const FLAG = {
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'off',
  targeting: {
    if: [
      {
        and: [
          { ends_with: [{ var: 'email' }, '@example.com'] },
          { in: [{ var: 'country' }, ['DE', 'FR']] },
          { sem_ver: [{ var: 'version' }, '>=', '2.0.0'] },
        ],
      },
      'on',
      'off',
    ],
  },
}

if (spawnSync('h2load', ['--version']).error) {
  console.error('Cannot measure: h2load is missing (Debian: nghttp2-client)')
  process.exit(1)
}
const [pinServer, pinLoad] = spawnSync('taskset', ['--version']).error
  ? [[], []]
  : [
      ['taskset', '-c', '1'],
      ['taskset', '-c', '0'],
    ]
const server = await startTestServer()
const folder = await mkdtemp(join(tmpdir(), 'bench-rpc-'))
const body = join(folder, 'call')
await writeFile(body, callOf('targeted'))
const rows: Row[] = []
try {
  for (const runtime of ['bun', 'node'] as const) rows.push(...(await measure(runtime)))
} finally {
  await rm(folder, { recursive: true })
  await server.stop()
}
report()

async function measure(runtime: Runtime): Promise<Row[]> {
  const programs: Program[] = []
  const store = await openStore()
  try {
    const subjects: Subject[] = [await ours(runtime, store.url, programs)]
    for (const name of ['bare', 'grpc-js', 'connect-node']) subjects.push(await reference(runtime, name, programs))
    const rates = new Map(subjects.map(({ name }) => [name, [] as number[]]))
    for (const subject of subjects) await load(subject) // warm up
    for (let round = 0; round < ROUNDS; round++)
      for (const subject of subjects) rates.get(subject.name)?.push(await load(subject))
    const bare = median(rates.get('bare') ?? [])
    return [...rates].map(([name, values]) => ({
      runtime,
      name,
      perSecond: median(values),
      spread: (Math.max(...values) - Math.min(...values)) / median(values),
      ratio: median(values) / bare,
      ...(name === 'flagstaff' && { goal: GOAL }),
    }))
  } finally {
    for (const program of programs) await kill(program)
    await store.close()
  }
}

async function ours(runtime: Runtime, url: string, programs: Program[]): Promise<Subject> {
  const env = { DATABASE_URL: url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY }
  const running = await startService(env, { runtime, prefix: pinServer })
  programs.push(running)
  const send = async (method: string, path: string, content: unknown): Promise<any> => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' }
    const response = await fetch(`${running.address}/api/v1${path}`, { method, headers, body: JSON.stringify(content) })
    if (!response.ok) throw new Error(`Cannot measure: ${method} ${path} answers ${response.status}`)
    return response.json()
  }
  await send('POST', '/projects', { key: 'bench' })
  await send('POST', '/projects/bench/environments', { key: 'rpc' })
  await send('PUT', '/projects/bench/environments/rpc/flagset', { flags: { targeted: FLAG } })
  const environment = { project: 'bench', environment: 'rpc' }
  const { secret } = await send('POST', '/keys', { name: 'bench', role: 'client', environment })
  const client = new GrpcClient(running.grpcPort, { key: secret })
  const { message } = await client.call(Service, 'resolveBoolean', { flagKey: 'targeted', context: CONTEXT })
  client.close()
  if (message?.value !== true) throw new Error('Cannot measure: the answer is wrong')
  return {
    name: 'flagstaff',
    pid: running.child.pid ?? 0,
    port: running.grpcPort,
    headers: [`authorization: Bearer ${secret}`],
  }
}

async function reference(runtime: Runtime, name: string, programs: Program[]): Promise<Subject> {
  const program = runProgram('bench/rpc-reference.ts', {}, { runtime, args: [name], prefix: pinServer })
  programs.push(program)
  const [, port] = await program.says(/listening on (\d+)/)
  return { name, pid: program.child.pid ?? 0, port: Number(port), headers: [] }
}

/** Calls per second of the server's processor time. */
async function load({ pid, port, headers }: Subject): Promise<number> {
  const path = `http://127.0.0.1:${port}/${Service.typeName}/ResolveBoolean`
  const sent = ['content-type: application/grpc', 'te: trailers', ...headers].flatMap((header) => ['-H', header])
  const size = ['-n', String(CALLS), '-c', String(CONNECTIONS), '-m', String(STREAMS)]
  const [command = 'h2load', ...args] = [...pinLoad, 'h2load', ...size, '-d', body, ...sent, path]
  const before = processorSeconds(pid)
  const { stdout } = await promisify(execFile)(command, args)
  const succeeded = /(\d+) succeeded/.exec(stdout)?.[1]
  if (Number(succeeded) !== CALLS) throw new Error(`Cannot measure: ${stdout}`)
  return CALLS / (processorSeconds(pid) - before)
}

/** User and system time of a process so far: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

function callOf(flagKey: string): Buffer {
  const message = toBinary(
    ResolveBooleanRequestSchema,
    create(ResolveBooleanRequestSchema, { flagKey, context: CONTEXT }),
  )
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.byteLength, 1)
  return Buffer.concat([head, message])
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function report(): void {
  const setting = { rounds: ROUNDS, calls: CALLS, connections: CONNECTIONS, streams: STREAMS, load: 'h2load' }
  if (process.argv.includes('--json'))
    console.log(JSON.stringify({ machine: describeMachine(), setting, rows }, null, 2))
  else {
    console.log(
      `Unary gRPC calls per second of one core's work; ${CONNECTIONS} connections of ${STREAMS} streams; median of ${ROUNDS} rounds\n`,
    )
    console.log('| runtime | server | calls/s | spread | of bare node:http2 | goal |\n|---|---|---:|---:|---:|---:|')
    for (const { runtime, name, perSecond, spread, ratio, goal } of rows)
      console.log(
        `| ${runtime} | ${name} | ${Math.round(perSecond)} | ${Math.round(spread * 100)} % | ${ratio.toFixed(2)} | ${goal ?? ''} |`,
      )
  }
  if (!process.argv.includes('--check')) return
  const short = rows.filter(({ ratio, goal }) => goal !== undefined && !(ratio >= goal))
  for (const { runtime, ratio, goal } of short)
    console.error(`Falls short: gRPC on ${runtime}: ${ratio.toFixed(2)} of bare node:http2, goal ${goal}`)
  if (short.length > 0) process.exitCode = 1
}
