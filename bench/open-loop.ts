// A client that sends at a fixed rate, whatever comes back: `bun open-loop.ts <file>`, where the file holds an `Order`. The time of a
// request runs from the moment at which it was due, so that a server which stands still is not spared those it kept from being
// sent ("coordinated omission"). On Bun's own sockets, since those of node:net are slower than what is measured. Prints milliseconds
// by share, and how many were answered.
import { readFileSync } from 'node:fs'
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

type Connection = { write(text: string): number }
type Handlers = { data(socket: Connection, bytes: Buffer): void; error(): void }
type Bun = {
  connect(options: { hostname: string; port: number; socket: Handlers }): Promise<Connection>
}
/** What is under way on a connection. */
type Flight = { text: string; dueAt: number }

const HEAD_END = '\r\n\r\n'
const { shot, port, perSecond, seconds, connections } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Order
const request = requestOf(shot)
const flights = new Map<Connection, Flight>()
const idle: Connection[] = []
const times = new Float64Array(perSecond * seconds)
/** Bytes of the answers so far; most are the same again, and then nobody needs to look into them. */
let usual = 0
let answered = 0
let sent = 0
for (let place = 0; place < connections; place++) idle.push(await open())
const begun = performance.now()
send()

/** Sends what is due, and looks again as soon as the event loop has read what came. */
function send(): void {
  const now = performance.now()
  for (let dueAt = dueAtOf(sent); sent < times.length && dueAt <= now; dueAt = dueAtOf(sent)) {
    const socket = idle.pop()
    if (!socket) break
    flights.set(socket, { text: '', dueAt })
    socket.write(request)
    sent++
  }
  if (answered >= times.length || now - begun > (seconds + 5) * 1_000) report()
  else setImmediate(send)
}

function dueAtOf(place: number): number {
  return begun + (place * 1_000) / perSecond
}

function take(socket: Connection, bytes: Buffer): void {
  const flight = flights.get(socket)
  if (!flight) return
  if (flight.text !== '' || bytes.length !== usual) {
    flight.text += bytes.toString('latin1')
    if (!isWhole(flight.text)) return
    usual = flight.text.length
  }
  times[answered] = performance.now() - flight.dueAt
  answered++
  flight.text = ''
  idle.push(socket)
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

async function open(): Promise<Connection> {
  const { connect } = (globalThis as unknown as { Bun: Bun }).Bun
  const failed = () => {
    throw new Error('Cannot measure: the server hung up')
  }
  return connect({ hostname: '127.0.0.1', port, socket: { data: take, error: failed } })
}

function requestOf({ method, path, headers, body = '' }: Shot): string {
  const fields = Object.entries({ host: '127.0.0.1', ...headers, 'content-length': String(Buffer.byteLength(body)) })
  return `${method} ${path} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
}

function report(): never {
  const sorted = times.subarray(0, answered).sort()
  const at = (share: number) => sorted[Math.min(answered - 1, Math.floor(share * answered))] ?? Number.NaN
  const latencies: Latencies = { p50: at(0.5), p99: at(0.99), p999: at(0.999), answered: answered / times.length }
  console.log(JSON.stringify(latencies))
  process.exit()
}
