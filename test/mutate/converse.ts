import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Conversation } from './mutations.ts'

/** The response, one character for each byte; `hangs` if the server did not close after the client. */
export type Exchange = { readonly received: string; readonly statuses: readonly number[]; readonly hangs: boolean }

/** After this time without a byte a response counts as complete, and a request as incomplete. */
const QUIET_MS = 100
/** Time limit for the rest of the responses after all have begun. */
const REST_MS = 5
/** From the close by the client to that by the server. */
const HANG_MS = 20_000
const PAUSE_MS = 2

/** Sends a conversation over a separate connection, reads the responses, and closes. Rejects if the server accepts no connection. */
export async function converse(port: number, { writes, requests }: Conversation): Promise<Exchange> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  socket.setEncoding('latin1')
  let received = ''
  let lastAt = 0
  let isOver = false
  socket.on('data', (text) => {
    received += text
    lastAt = performance.now()
  })
  await once(socket, 'connect')
  socket.on('error', () => undefined) // a server may reset a connection
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      isOver = true
      resolve()
    })
  })
  for (const [place, bytes] of writes.entries()) {
    if (place > 0) await sleep(PAUSE_MS)
    if (socket.writable) socket.write(bytes)
  }
  lastAt = performance.now()
  const quietMs = () => (statusesIn(received).length >= requests ? REST_MS : QUIET_MS)
  while (!isOver && performance.now() - lastAt < quietMs()) await Promise.race([closed, sleep(REST_MS)])
  socket.end()
  const late = new AbortController()
  await Promise.race([closed, sleep(HANG_MS, undefined, { signal: late.signal }).catch(() => undefined)])
  late.abort()
  const hangs = !isOver
  socket.destroy()
  return { received, statuses: statusesIn(received), hangs }
}

function statusesIn(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
}
