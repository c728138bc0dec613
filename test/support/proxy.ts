import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** State of the connection to a server: open, closed, open without data, cut in the middle of a message, or slow. */
export type Way = 'open' | 'refused' | 'hanging' | 'truncating' | { readonly delayMs: number }

export type TcpProxy = {
  readonly port: number
  /** Connections made so far. */
  readonly connections: () => number
  set(way: Way): void
  close(): Promise<void>
}

/** A TCP proxy in front of a real server on this machine, for tests of network failures between the two. */
export async function startProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  let way: Way = 'open'
  let connections = 0
  const sockets = new Set<Socket>()
  /** Bytes that wait until the connection is open again. */
  const waiting: (() => void)[] = []
  const pass = (to: Socket, bytes: Buffer) => {
    const write = () => to.writable && to.write(bytes)
    if (way === 'hanging') waiting.push(write)
    else if (way === 'truncating') to.end(bytes.subarray(0, Math.floor(bytes.length / 2)), () => to.destroy())
    else if (typeof way === 'object') setTimeout(write, way.delayMs)
    else write()
  }
  const server = createServer((client) => {
    connections += 1
    if (way === 'refused') return client.destroy()
    const upstream = connect(target.port, target.host)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('data', (bytes) => pass(to, bytes))
      from.on('error', () => from.destroy())
      from.on('close', () => {
        sockets.delete(from)
        if (way !== 'hanging') to.destroy()
      })
    }
    return undefined
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    connections: () => connections,
    set(next) {
      way = next
      if (next === 'refused') for (const socket of sockets) socket.destroy()
      if (next !== 'hanging') for (const write of waiting.splice(0)) write()
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
