import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import type { AddressInfo, Server as NetServer, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { drain } from './drain.ts'
import { HTTP2_OPTIONS, serveHttp2 } from './http2.ts'
import { HEADER_BYTES_MAX, HEADERS_MS, KEEP_ALIVE_MS, REQUEST_MS } from './limits.ts'
import type { ListenOptions, Server } from './server.ts'
import { sharePort } from './share-port.ts'

const SWEEP_MS = 20
/** What was connected ahead, as browsers and proxies do, and says nothing for so long has no request for us. */
const SILENT_MS = 500

/** Serves HTTP/1.1, HTTP/2 and gRPC on Node's own servers, on one port, or gRPC on a port beside it as well. */
export async function listenOnNode(options: ListenOptions): Promise<Server> {
  const { host, port, grpcPort } = options
  const draining = drain(options.fetch)
  const listener = getRequestListener(draining.fetch, { overrideGlobalObjects: false })
  const http2Server = http2.createServer(HTTP2_OPTIONS)
  const sessions = serveHttp2(http2Server, options)
  const doors: Door[] = []
  const open = (at: number): Promise<number> => {
    const door = openDoor(listener, http2Server, options)
    doors.push(door)
    return listenAt(door.server, at, host)
  }
  const main = await open(port)
  return {
    port: main,
    grpcPort: grpcPort === undefined ? main : await open(grpcPort),
    async close(late) {
      sessions.announceEnd()
      const closed = Promise.all(doors.map(({ server }) => once(server, 'close')))
      await draining.close(() => {
        for (const { server } of doors) server.close()
      })
      await Promise.all([sessions.close(late), ...doors.map((door) => door.closeConnections(closed, late))])
    },
  }
}

type Door = {
  readonly server: http.Server
  /** Closes what is idle, again and again until `closed`. */
  closeConnections(closed: Promise<unknown>, late?: AbortSignal): Promise<void>
}

function openDoor(listener: http.RequestListener, http2Server: http2.Http2Server, wanted: ListenOptions): Door {
  const { tls, headersMs = HEADERS_MS } = wanted
  const options = {
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: headersMs,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: headersMs / 2, // Node looks for slow clients so often; by itself every 30 s
    maxHeaderSize: HEADER_BYTES_MAX,
  }
  const server = tls
    ? https.createServer(
        { ...options, ...tls, ALPNProtocols: ['h2', 'http/1.1'], handshakeTimeout: headersMs },
        listener,
      )
    : http.createServer(options, listener)
  sharePort(server, http2Server, tls ? 'secureConnection' : 'connection')
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
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
