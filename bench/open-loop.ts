// A client that sends at a fixed rate, whatever comes back: `node open-loop.ts <file>`, where the file holds an `Order`. The time of a
// request runs from the moment at which it was due, so that a server which stands still is not spared those it kept from being
// sent ("coordinated omission"). Prints milliseconds by share, and how many were answered.
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import type { Shot } from './wrk.ts'

export type Order = {
  readonly shot: Shot
  readonly port: number
  readonly perSecond: number
  readonly seconds: number
  readonly connections: number
}
/** Milliseconds. */
export type Latencies = { readonly p50: number; readonly p99: number; readonly p999: number; readonly answered: number }

const HEAD_END = '\r\n\r\n'
const { shot, port, perSecond, seconds, connections } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Order
const bytes = requestOf(shot)
const idle: Socket[] = []
/** When each was due, in the order in which they wait for a connection. */
const waiting: number[] = []
const times: number[] = []
for (let place = 0; place < connections; place++) idle.push(await open())
const begun = performance.now()
const total = perSecond * seconds
let sent = 0
send()

/** Sends what is due, and looks again as soon as the event loop has read what came. */
function send(): void {
  const now = performance.now()
  for (; sent < total && begun + (sent * 1_000) / perSecond <= now; sent++)
    waiting.push(begun + (sent * 1_000) / perSecond)
  while (waiting.length > 0 && idle.length > 0) fire(idle.pop(), waiting.shift())
  if (times.length >= total || now - begun > (seconds + 5) * 1_000) report()
  else setImmediate(send)
}

function fire(socket: Socket | undefined, dueAt = 0): void {
  let text = ''
  const take = (chunk: string) => {
    text += chunk
    if (!isWhole(text)) return
    socket?.off('data', take)
    times.push(performance.now() - dueAt)
    if (socket) idle.push(socket)
  }
  socket?.on('data', take).write(bytes)
}

/** True when all of an answer is there. As latin1, so that a character is a byte. */
function isWhole(text: string): boolean {
  const end = text.indexOf(HEAD_END)
  if (end < 0) return false
  const head = text.slice(0, end)
  if (head.startsWith('HTTP/1.1 304')) return true
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
  return length === undefined ? text.endsWith('\r\n0\r\n\r\n') : text.length - end - HEAD_END.length >= Number(length)
}

async function open(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true).setEncoding('latin1')
  await new Promise((resolve) => socket.once('connect', resolve))
  return socket
}

function requestOf({ method, path, headers, body = '' }: Shot): string {
  const fields = Object.entries({ host: '127.0.0.1', ...headers, 'content-length': String(Buffer.byteLength(body)) })
  return `${method} ${path} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
}

function report(): never {
  const sorted = times.sort((one, other) => one - other)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
  const latencies: Latencies = { p50: at(0.5), p99: at(0.99), p999: at(0.999), answered: times.length / total }
  console.log(JSON.stringify(latencies))
  process.exit()
}
