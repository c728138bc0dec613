// Unary gRPC evaluations per core, compared with reference servers without an evaluator, in the same run and on the same runtime. Time is the
// server's processor time, which other load on the machine hardly affects. The load comes from h2load (Debian: nghttp2-client) on the other
// core.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { create, toBinary } from '@bufbuild/protobuf'
import { ResolveBooleanRequestSchema, Service } from '../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { GrpcClient } from '../test/support/grpc.ts'
import { kill, type Program, type Runtime } from '../test/support/process.ts'
import { startTestServer } from '../test/support/server.ts'
import { openStore } from '../test/support/store.ts'
import { describeMachine } from './machine.ts'
import { median, needs, pinned, processorSeconds } from './processor.ts'
import { CONTEXT, startReference, startSubject } from './subject.ts'

type Subject = {
  readonly name: string
  readonly pid: number
  readonly port: number
  readonly headers: readonly string[]
}
type Row = { runtime: Runtime; name: string; perSecond: number; spread: number; ratio: number; goal?: number }

const ROUNDS = Number(process.argv.find((arg) => arg.startsWith('--rounds='))?.slice('--rounds='.length) ?? 5)
const CALLS = 30_000
const CONNECTIONS = 32
const STREAMS = 4
const GOAL = 0.6
needs('h2load', 'nghttp2-client')
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
  const { running, clientKey } = await startSubject(runtime, { DATABASE_URL: url })
  programs.push(running)
  const client = new GrpcClient(running.grpcPort, { key: clientKey })
  const { message } = await client.call(Service, 'resolveBoolean', { flagKey: 'targeted', context: CONTEXT })
  client.close()
  if (message?.value !== true) throw new Error('Cannot measure: the response is wrong')
  const headers = [`authorization: Bearer ${clientKey}`]
  return { name: 'flagstaff', pid: running.child.pid ?? 0, port: running.grpcPort, headers }
}

async function reference(runtime: Runtime, name: string, programs: Program[]): Promise<Subject> {
  const { program, port } = await startReference('bench/rpc-reference.ts', runtime, [name])
  programs.push(program)
  return { name, pid: program.child.pid ?? 0, port, headers: [] }
}

/** Calls per second of the server's processor time. */
async function load({ pid, port, headers }: Subject): Promise<number> {
  const path = `http://127.0.0.1:${port}/${Service.typeName}/ResolveBoolean`
  const sent = ['content-type: application/grpc', 'te: trailers', ...headers].flatMap((header) => ['-H', header])
  const size = ['-n', String(CALLS), '-c', String(CONNECTIONS), '-m', String(STREAMS)]
  const [command = 'h2load', ...args] = [...pinned(0), 'h2load', ...size, '-d', body, ...sent, path]
  const before = processorSeconds(pid)
  const { stdout } = await promisify(execFile)(command, args)
  const succeeded = /(\d+) succeeded/.exec(stdout)?.[1]
  if (Number(succeeded) !== CALLS) throw new Error(`Cannot measure: ${stdout}`)
  return CALLS / (processorSeconds(pid) - before)
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

function report(): void {
  const setting = { rounds: ROUNDS, calls: CALLS, connections: CONNECTIONS, streams: STREAMS, load: 'h2load' }
  if (process.argv.includes('--json'))
    console.log(JSON.stringify({ machine: describeMachine(), setting, rows }, null, 2))
  else {
    console.log(
      `Unary gRPC calls per second of processor time; ${CONNECTIONS} connections of ${STREAMS} streams; median of ${ROUNDS} rounds\n`,
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
