import type { Server as HttpServer, IncomingMessage, RequestListener } from 'node:http'
import type { AddressInfo, Server as NetServer, Socket } from 'node:net'
import { type Drain, drain } from './drain.ts'
import { evaluatedBefore, isTwice } from './evaluate-node.ts'
import { Connections } from './http1/connections.ts'
import type { Answers } from './http1/doors.ts'
import { SocketOnNode } from './http1/socket-node.ts'
import { lazyHttp2 } from './lazy-http2.ts'
import { lazyWeb } from './lazy-web.ts'
import { HEADER_BYTES_MAX, TIMES, type Times } from './limits.ts'
import type { Asked, ListenOptions, Refuse, Server, Tls } from './server.ts'
import { sharePort, type Takers } from './share-port.ts'

const SWEEP_MS = 20
/** What was connected ahead, as browsers and proxies do, and says nothing for so long has no request for us. */
const SILENT_MS = 500

/** Serves HTTP/1.1, HTTP/2 and gRPC on Node's own servers, on one port, or gRPC on a port beside it as well. */
export async function listenOnNode(options: ListenOptions): Promise<Server> {
  const { fetch, evaluating, refuse, takeStream, host, port, grpcPort, times = TIMES } = options
  const draining = drain({ fetch, evaluating, refuse })
  const listener = refusable(evaluatedBefore(draining.evaluating, lazyWeb(draining.fetch)), draining.refuse)
  const sessions = lazyHttp2({ fetch, refuse, takeStream, times })
  const clients = new Connections()
  const takeHttp1 = evaluatedOn(clients, draining, { ...options, times })
  const dependencies: Door[] = []
  const open = (at: number): Promise<number> => {
    const door = openDoor(listener, { takeHttp1, takeHttp2: sessions.take }, { ...options, times })
    dependencies.push(door)
    return listenAt(door.server, at, host)
  }
  const main = await open(port)
  return {
    port: main,
    grpcPort: grpcPort === undefined ? main : await open(grpcPort),
    announceEnd: () => void draining.announceEnd(),
    async close(late) {
      await draining.announceEnd()
      sessions.announceEnd()
      const { once } = process.getBuiltinModule('node:events')
      const closed = Promise.all(dependencies.map(({ server }) => once(server, 'close')))
      await draining.close(() => {
        for (const { server } of dependencies) server.close()
      })
      await Promise.all([
        sessions.close(late),
        clients.close(late),
        ...dependencies.map((door) => door.closeConnections(closed, late)),
      ])
    },
  }
}

/**
 * Takes connections on which evaluations are answered as long as nothing else is asked: node:http takes longer than they do
 * (docs/decisions/0014-http-speed.md). With the first other request a connection is the server's for good.
 */
function evaluatedOn(clients: Connections, { evaluating, refuse }: Drain, options: AskedOptions): Takers['takeHttp1'] {
  const { tls, bodyBytesMax, times } = options
  const evaluate = evaluating<Answers, void>((reply, client) => client.answer(reply))
  const asked = { evaluate, refuse, scheme: tls ? 'https' : 'http', bodyBytesMax, times } as const
  return (connection, serve) => {
    const socket = new SocketOnNode(connection)
    const others = { handOver: (bytes: Buffer | undefined) => socket.handTo(serve, bytes) }
    socket.heardBy(clients.take(socket, { ...asked, others }))
  }
}

function refusable(serve: RequestListener, refuse: Refuse): RequestListener {
  return (incoming, outgoing) => {
    if (isTwice('host', incoming.rawHeaders)) {
      outgoing.writeHead(400, { connection: 'close' }).end('Two hosts')
      return
    }
    const refusal = refuse(incoming, unreadOf)
    if (!refusal) return serve(incoming, outgoing)
    const { status, headers, body } = refusal
    outgoing.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(body)) }).end(body)
  }
}

const unreadOf = ({ url = '', headers }: IncomingMessage): Asked => ({
  url,
  header: (name) => headers[name]?.toString(),
})

type DoorOptions = { readonly tls?: Tls | undefined; readonly times: Times }
type AskedOptions = DoorOptions & { readonly bodyBytesMax: number }
type Door = {
  readonly server: HttpServer
  /** Closes what is idle, again and again until `closed`. */
  closeConnections(closed: Promise<unknown>, late?: AbortSignal): Promise<void>
}

/** node:http is not imported: as an ES module it is asked for all that it exports, and loads undici to say so, in 45 ms. */
function openDoor(listener: RequestListener, takers: Takers, { tls, times }: DoorOptions): Door {
  const options = {
    keepAliveTimeout: times.keepAliveMs,
    headersTimeout: times.headersMs,
    requestTimeout: times.requestMs,
    connectionsCheckingInterval: times.headersMs, // how often the two are looked at
    maxHeaderSize: HEADER_BYTES_MAX,
    requireHostHeader: false, // checks of load balancers send none
  }
  const server = tls
    ? process
        .getBuiltinModule('node:https')
        .createServer(
          { ...options, ...tls, ALPNProtocols: ['h2', 'http/1.1'], handshakeTimeout: times.headersMs },
          listener,
        )
    : process.getBuiltinModule('node:http').createServer(options, listener)
  sharePort(server, takers, { event: tls ? 'secureConnection' : 'connection', silentMs: times.silentMs })
  // Node counts a connection that never sent a byte as busy.
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return {
    server,
    async closeConnections(closed, late) {
      // Repeated, because a connection may turn idle just after any single sweep.
      const sweep = setInterval(() => {
        if (late?.aborted) for (const socket of sockets) socket.destroy()
        else server.closeIdleConnections()
      }, SWEEP_MS)
      const silence = setTimeout(() => {
        for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
      }, SILENT_MS)
      await closed
      clearInterval(sweep)
      clearTimeout(silence)
    },
  }
}

async function listenAt(server: NetServer, port: number, host: string): Promise<number> {
  server.listen(port, host)
  await process.getBuiltinModule('node:events').once(server, 'listening')
  return (server.address() as AddressInfo).port
}
