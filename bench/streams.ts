/**
 * The cost of event streams: memory for each open stream, and the time from the API's 200 to a change until the last stream has
 * received it. One real replica of each runtime on a real Postgres; 5,000 streams (`--streams=N`, at most 6,000) read by this
 * process on the same machine, which is part of the time. Needs as many file descriptors (`ulimit -n`).
 * `--json` prints figures instead of a table; `--check` exits with 1 and names the goals that are missed.
 */
import { connect, type Socket } from 'node:net'
import { argv, exit, stderr, stdout } from 'node:process'
import { type Running, type Runtime, startService } from '../test/support/process.ts'
import { request } from '../test/support/replicas.ts'
import { startTestServer } from '../test/support/server.ts'
import { openStore } from '../test/support/store.ts'
import { describeMachine, type Machine } from './machine.ts'

type Figures = {
  readonly runtime: Runtime
  readonly streams: number
  readonly changes: number
  readonly idleMib: number
  readonly kibPerStream: number
  readonly kibPerStreamAfterChanges: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}
type Report = { readonly machine: Machine; readonly goals: typeof GOALS; readonly rows: readonly Figures[] }

/**
 * A replica accepts 10,000 streams: at these goals they need 160 MiB on Bun and 240 on Node, which a container of 512 MiB has left
 * beside the service. A stream of nothing but node:http is 18 KiB (Node 24.21), so 16 cannot be reached there.
 * A client that polls every FRESHNESS_MS (1000 by default) learns of a change after half of that on average: a stream must be faster.
 */
const GOALS = { kibPerStream: { bun: 16, node: 24 }, p99: 500 } as const
const STREAMS = numberAfter('--streams=', 5_000)
const CHANGES = numberAfter('--changes=', 100)
/** Opened at once; the backlog of a listener is limited. */
const BATCH = 100
const RECEIVED_MS = 20_000
const ADMIN_KEY = 'admin-key-for-benches-only-0123456789'
const PATH = '/ofrep/v1/sse/flagSetId=shop%2Flive'
const FLAG_SET = '/api/v1/projects/shop/environments/live/flagset'

const server = await startTestServer()
const rows: Figures[] = []
try {
  for (const runtime of ['bun', 'node'] as const) rows.push(await measure(runtime))
} finally {
  await server.stop()
}
const report: Report = { machine: describeMachine(), goals: GOALS, rows }
stdout.write(argv.includes('--json') ? `${JSON.stringify(report, null, 2)}\n` : table(report))
if (argv.includes('--check')) {
  const missed = rows.flatMap(missedBy)
  for (const line of missed) stderr.write(`Missed: ${line}\n`)
  if (missed.length > 0) exit(1)
}

async function measure(runtime: Runtime): Promise<Figures> {
  const store = await openStore()
  const env = { DATABASE_URL: store.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY }
  const service = await startService(env, { runtime, file: 'bench/memory-probe.ts' })
  const sockets: Socket[] = []
  try {
    const change = await prepare(service.address)
    for (let turn = 0; turn < CHANGES; turn++) await change() // the cost of changes alone does not count as memory of streams
    const idle = await residentBytes(service, 1)
    const received = counter()
    await openAll(sockets, () => open(Number(new URL(service.address).port), received.add))
    const opened = await residentBytes(service, 2)
    const times = await timesOf(change, received)
    const afterChanges = await residentBytes(service, 3)
    const at = (share: number) => rounded(times[Math.ceil(share * times.length) - 1] ?? Number.NaN)
    return {
      runtime,
      streams: STREAMS,
      changes: CHANGES,
      idleMib: rounded(idle / 2 ** 20),
      kibPerStream: rounded((opened - idle) / STREAMS / 1_024),
      kibPerStreamAfterChanges: rounded((afterChanges - idle) / STREAMS / 1_024),
      p50: at(0.5),
      p99: at(0.99),
      max: at(1),
    }
  } finally {
    for (const socket of sockets) socket.destroy()
    service.child.kill('SIGTERM')
    await service.ended
    await store.close()
  }
}

/** Creates an environment with one flag; returns a function that changes it. */
async function prepare(address: string): Promise<() => Promise<void>> {
  const send = async (method: string, path: string, body: object) => {
    const { status } = await request(address, ADMIN_KEY, { method, path, body })
    if (status >= 300) throw new Error(`Cannot measure: ${method} ${path} was answered with ${status}`)
  }
  await send('POST', '/api/v1/projects', { key: 'shop' })
  await send('POST', '/api/v1/projects/shop/environments', { key: 'live' })
  let turn = 0
  return () => {
    turn += 1
    return send('PUT', FLAG_SET, {
      flags: { flag: { state: 'ENABLED', variants: { on: turn }, defaultVariant: 'on' } },
    })
  }
}

/** Milliseconds from each change's response until the last stream has received it, shortest first; 0 if that was earlier. */
async function timesOf(change: () => Promise<void>, received: ReturnType<typeof counter>): Promise<number[]> {
  const times: number[] = []
  for (let turn = 0; turn < CHANGES; turn++) {
    const answered = () => change().then(() => performance.now())
    const [receivedAt, answeredAt] = await Promise.all([received.next(STREAMS), answered()])
    times.push(Math.max(0, receivedAt - answeredAt))
  }
  return times.sort((one, other) => one - other)
}

async function openAll(sockets: Socket[], openOne: () => Promise<Socket>): Promise<void> {
  while (sockets.length < STREAMS) {
    const batch = Array.from({ length: Math.min(BATCH, STREAMS - sockets.length) }, openOne)
    sockets.push(...(await Promise.all(batch)))
  }
}

/** Resolves when the stream has started. A plain socket, because 5,000 HTTP clients would distort the measurement. */
function open(port: number, onEvent: () => void): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = connect(port, '127.0.0.1')
  socket.on('error', reject)
  socket.on('close', () => reject(new Error('Cannot measure: an event stream ended')))
  socket.on('data', (bytes: Buffer) => {
    const text = bytes.toString('latin1')
    if (text.startsWith('HTTP/1.1 ') && !text.startsWith('HTTP/1.1 200'))
      reject(new Error(`Cannot measure: an event stream was answered with ${text.slice(9, 12)}`))
    if (text.includes('retry:')) resolve(socket)
    if (text.includes('\ndata:')) onEvent()
  })
  socket.write(`GET ${PATH} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${ADMIN_KEY}\r\n\r\n`)
  return promise
}

/** A counter that resolves a promise when it reaches a number. */
function counter() {
  let count = 0
  let wanted = Number.POSITIVE_INFINITY
  let resolveAt: (at: number) => void = () => undefined
  return {
    add: () => {
      count += 1
      if (count === wanted) resolveAt(performance.now())
    },
    /** Resolves with the time at which `number` is reached; rejects after `RECEIVED_MS`. */
    next: (number: number) =>
      new Promise<number>((resolve, reject) => {
        count = 0
        wanted = number
        const late = () => reject(new Error(`Cannot measure: ${count} of ${number} streams received a change`))
        const timer = setTimeout(late, RECEIVED_MS)
        resolveAt = (at) => {
          clearTimeout(timer)
          resolve(at)
        }
      }),
  }
}

/** Resident bytes of the service after a garbage collection; `nth` counts the measurements. */
async function residentBytes(service: Running, nth: number): Promise<number> {
  service.child.kill('SIGUSR2')
  const [, bytes] = await service.says(new RegExp(`resident ${nth}: (\\d+) bytes\n`))
  return Number(bytes)
}

function table({ machine, goals }: Report): string {
  const lines = rows.map(({ runtime, idleMib, kibPerStream, kibPerStreamAfterChanges, p50, p99, max }) => {
    const goal = goals.kibPerStream[runtime]
    return `| ${[runtime, idleMib, kibPerStream, kibPerStreamAfterChanges, goal, p50, p99, max, goals.p99].join(' | ')} |`
  })
  return `${STREAMS} streams on one replica and their client on ${machine.cores} × ${machine.cpu}, ${machine.platform}; client: ${machine.runtime}

| service on | idle MiB | KiB for each stream | after ${CHANGES} changes | goal: KiB | last stream: p50 ms | p99 ms | max ms | goal: p99 ms |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
${lines.join('\n')}
`
}

function missedBy({ runtime, kibPerStream, kibPerStreamAfterChanges, p99 }: Figures): string[] {
  const kib = Math.max(kibPerStream, kibPerStreamAfterChanges)
  const goal = GOALS.kibPerStream[runtime]
  return [
    ...(kib <= goal ? [] : [`${runtime}: ${kib} KiB for each stream, goal ${goal} KiB`]),
    ...(p99 <= GOALS.p99 ? [] : [`${runtime}: last stream after ${p99} ms (p99), goal ${GOALS.p99} ms`]),
  ]
}

function numberAfter(option: string, fallback: number): number {
  return Number(argv.find((arg) => arg.startsWith(option))?.slice(option.length) ?? fallback)
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10
}
