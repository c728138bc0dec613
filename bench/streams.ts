// What event streams cost: memory for each that is open, and the time until all have heard of a change. One real replica on a real
// Postgres, 5,000 streams (--streams=N) from this process; it needs as many file descriptors (ulimit -n).
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Runtime, startService } from '../test/support/process.ts'
import { startTestServer } from '../test/support/server.ts'
import { openStore } from '../test/support/store.ts'
import { describeMachine } from './machine.ts'

const STREAMS = Number(process.argv.find((arg) => arg.startsWith('--streams='))?.slice('--streams='.length) ?? 5_000)
const CHANGES = 40
/** Opened at once; a listener's backlog is not endless. */
const BATCH = 100
const SETTLE_MS = 3_000
const ADMIN_KEY = 'admin-key-for-benches-only-0123456789'
const PATH = '/ofrep/v1/sse/flagSetId=shop%2Flive'
const FLAG_SET = '/api/v1/projects/shop/environments/live'

const server = await startTestServer()
console.log(describeMachine())
try {
  for (const runtime of ['bun', 'node'] as const) console.log(await measure(runtime))
} finally {
  await server.stop()
}

async function measure(runtime: Runtime) {
  const store = await openStore()
  const service = await startService({ DATABASE_URL: store.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY }, { runtime })
  const send = (method: string, path: string, body: unknown) =>
    fetch(service.address + path, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  try {
    await send('POST', '/api/v1/projects', { key: 'shop' })
    await send('POST', '/api/v1/projects/shop/environments', { key: 'live' })
    const change = async (turn: number) => {
      const flag = { state: 'ENABLED', variants: { on: turn }, defaultVariant: 'on' }
      const { status } = await send('PUT', `${FLAG_SET}/flagset`, { flags: { flag } })
      if (status !== 200) throw new Error(`Cannot measure: a change was answered with ${status}`)
    }
    for (let turn = 0; turn < CHANGES; turn++) await change(turn) // warm
    const { port } = new URL(service.address)
    await sleep(SETTLE_MS)
    const before = residentKb(service.child.pid)
    const heard = counter()
    const sockets = await openAll(Number(port), heard.add)
    await sleep(SETTLE_MS)
    const openKb = residentKb(service.child.pid)
    const fromSend: number[] = []
    const fromAnswer: number[] = []
    for (let turn = 0; turn < CHANGES; turn++) {
      const all = heard.next(STREAMS)
      const sentAt = performance.now()
      await change(turn + CHANGES)
      const answeredAt = performance.now()
      const heardAt = await all
      fromSend.push(heardAt - sentAt)
      fromAnswer.push(Math.max(0, heardAt - answeredAt))
    }
    const afterKb = residentKb(service.child.pid)
    for (const socket of sockets) socket.destroy()
    return {
      runtime,
      streams: STREAMS,
      kbPerStream: round((openKb - before) / STREAMS),
      kbPerStreamAfterChanges: round((afterKb - before) / STREAMS),
      residentMb: { idle: round(before / 1_024), open: round(openKb / 1_024), afterChanges: round(afterKb / 1_024) },
      msFromRequestToLast: spread(fromSend),
      msFromAnswerToLast: spread(fromAnswer),
    }
  } finally {
    service.child.kill('SIGTERM')
    await service.ended
    await store.close()
  }
}

async function openAll(port: number, onEvent: () => void): Promise<Socket[]> {
  const sockets: Socket[] = []
  while (sockets.length < STREAMS) {
    const batch = Array.from({ length: Math.min(BATCH, STREAMS - sockets.length) }, () => open(port, onEvent))
    sockets.push(...(await Promise.all(batch)))
  }
  return sockets
}

/** Resolves once the stream has begun. */
function open(port: number, onEvent: () => void): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = connect(port, '127.0.0.1')
  socket.on('error', reject)
  socket.on('data', (bytes: Buffer) => {
    const text = bytes.toString('latin1')
    if (text.includes('retry:')) resolve(socket)
    if (text.includes('\ndata:')) onEvent()
  })
  socket.write(`GET ${PATH} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${ADMIN_KEY}\r\n\r\n`)
  return promise
}

/** Counts from zero, and tells when a number is reached. */
function counter() {
  let count = 0
  let wanted = Number.POSITIVE_INFINITY
  let tell: (at: number) => void = () => undefined
  return {
    add: () => {
      count += 1
      if (count === wanted) tell(performance.now())
    },
    next: (number: number) =>
      new Promise<number>((resolve) => {
        count = 0
        wanted = number
        tell = resolve
      }),
  }
}

function residentKb(pid: number | undefined): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

function spread(times: number[]) {
  const sorted = times.toSorted((one, other) => one - other)
  const at = (share: number) => round(sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN)
  return { p50: at(0.5), p99: at(0.99) }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
