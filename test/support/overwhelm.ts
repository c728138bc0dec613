import { once } from 'node:events'
import net from 'node:net'

export type OverwhelmOptions = {
  readonly port: number
  /** Bytes of one HTTP/1.1 request. */
  readonly request: string
  readonly connections: number
  /** Ends after so many responses with `status`, and after `msMax` at the latest. */
  readonly status: number
  readonly served: number
  readonly msMax: number
}
/** Duration of each response in milliseconds, by status; and the headers of 503 responses. */
export type Loaded = {
  readonly times: ReadonlyMap<number, number[]>
  readonly refusals: Set<string>
  readonly ms: number
}

const WARM_UP = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n'

/**
 * Overloads a process: every connection sends the next request as soon as the last is answered. The connections are opened before the load
 * starts, because Node accepts one in each turn of its loop.
 */
export async function overwhelm({
  port,
  request,
  connections,
  status: wanted,
  served,
  msMax,
}: OverwhelmOptions): Promise<Loaded> {
  const times = new Map<number, number[]>()
  const refusals = new Set<string>()
  const clients = Array.from({ length: connections }, () => new Client(port))
  for (let at = 0; at < connections; at += 50)
    await Promise.all(clients.slice(at, at + 50).map((client) => client.send(WARM_UP)))
  const start = performance.now()
  const isDone = () => (times.get(wanted)?.length ?? 0) >= served || performance.now() - start > msMax
  const work = async (client: Client) => {
    await client.send(request) // the first requests are sent before any load is measured, so they are not representative
    while (!isDone()) {
      const sent = performance.now()
      const head = await client.send(request)
      const status = Number(head.slice(9, 12))
      times.set(status, times.get(status) ?? [])
      times.get(status)?.push(performance.now() - sent)
      if (status === 503) refusals.add(head.replace(/^date: .*\r\n/im, ''))
    }
    client.close()
  }
  await Promise.all(clients.map(work))
  return { times, refusals, ms: performance.now() - start }
}

/** One connection, and one request on it at a time. */
class Client {
  readonly #socket: net.Socket

  constructor(port: number) {
    this.#socket = net.connect(port, '127.0.0.1')
  }

  /** Sends a request and returns the response's headers after the whole response has arrived. */
  async send(request: string): Promise<string> {
    const socket = this.#socket
    socket.write(request)
    let head = ''
    let missing = Number.POSITIVE_INFINITY
    while (missing > 0) {
      const [chunk]: Buffer[] = await once(socket, 'data')
      if (!chunk) continue
      if (Number.isFinite(missing)) missing -= chunk.byteLength
      else {
        head += chunk.toString('latin1')
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) continue
        missing = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0) - (head.length - end - 4)
        head = head.slice(0, end + 2)
      }
    }
    return head
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** The value below which this share of them lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
