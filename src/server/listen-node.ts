import { once } from 'node:events'
import http, {
  type Server as HttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { HTTP2_OPTIONS, serveHttp2 } from './http2.ts'
import { drain, isHost, isPlainTarget, NO_HOST } from './requests.ts'
import { HEADER_BYTES_MAX, type ListenOptions, type Server, TIMES } from './server.ts'
import { sharePort } from './share-port.ts'

const SWEEP_MS = 20
/** A connection that was opened ahead, as browsers and proxies do, and sends nothing for so long has no request for us. */
const SILENT_MS = 500
/** Requests that wait on one connection; with more it is closed. */
const PIPELINED_MAX = 1_000

/** Serves HTTP/1.1, HTTP/2 and gRPC by Node's own servers, on one port, or gRPC on a port beside it as well. */
export async function listenOnNode(options: ListenOptions): Promise<Server> {
  const { fetch, host, port, grpcPort } = options
  const draining = drain(fetch)
  const http2Server = http2.createServer(HTTP2_OPTIONS) // listens nowhere: it gets its connections from the others
  const sessions = serveHttp2(http2Server, options)
  const listener = inOrder(checked(getRequestListener(draining.fetch, { hostname: NO_HOST })))
  const takeHttp2 = (socket: Socket) => void http2Server.emit('connection', socket)
  const listeners: HttpListener[] = []
  const open = async (at: number): Promise<number> => {
    const opened = createListener(listener, takeHttp2, options)
    listeners.push(opened)
    opened.server.listen(at, host)
    await once(opened.server, 'listening')
    return (opened.server.address() as AddressInfo).port
  }
  const main = await open(port)
  return {
    port: main,
    grpcPort: grpcPort === undefined ? main : await open(grpcPort),
    announceEnd: () => void draining.announceEnd(),
    async close(late) {
      const closed = Promise.all(listeners.map(({ server }) => once(server, 'close')))
      const stop = () => {
        for (const { server } of listeners) server.close()
      }
      if (late?.aborted) stop()
      else {
        await draining.announceEnd()
        sessions.announceEnd()
        await draining.close(stop)
      }
      await Promise.all([sessions.close(late), ...listeners.map((each) => each.closeConnections(closed, late))])
    },
  }
}

/**
 * Serves the requests of a connection one after the other. Node parses all pipelined requests that it has read at once, and a client that
 * sends thousands and reads nothing would make it keep a response for each.
 */
function inOrder(serve: RequestListener): RequestListener {
  const connections = new WeakMap<Socket, { last?: ServerResponse; waiting: number }>()
  return (incoming, outgoing) => {
    const { socket } = incoming
    const connection = connections.get(socket) ?? { waiting: 0 }
    const { last } = connection
    connection.last = outgoing
    if (!last) connections.set(socket, connection)
    if (!last || last.closed) return serve(incoming, outgoing)
    connection.waiting += 1
    if (connection.waiting > PIPELINED_MAX) return void socket.destroy()
    last.once('close', () => {
      connection.waiting -= 1
      if (!socket.destroyed) serve(incoming, outgoing)
    })
  }
}

/** Refuses what Node's parser lets through, before a URL is made of it. */
function checked(serve: RequestListener): RequestListener {
  return (incoming, outgoing) => {
    const mistake = mistakeIn(incoming)
    if (mistake === undefined) return serve(incoming, outgoing)
    outgoing.writeHead(400, { connection: 'close' }).end(mistake)
  }
}

function mistakeIn({ url = '', headers, rawHeaders }: IncomingMessage): string | undefined {
  if (headers.host && !isHost(headers.host)) return 'Cannot read the host'
  if (!isPlainTarget(url)) return 'Cannot read the path'
  let hosts = 0 // of several, Node keeps the first
  for (let place = 0; place < rawHeaders.length; place += 2)
    if (rawHeaders[place]?.length === 4 && rawHeaders[place]?.toLowerCase() === 'host') hosts += 1
  return hosts > 1 ? 'Two hosts' : undefined
}

type HttpListener = {
  readonly server: HttpServer
  /** Closes idle connections, repeatedly until `closed`. */
  closeConnections(closed: Promise<unknown>, late?: AbortSignal): Promise<void>
}

function createListener(
  listener: RequestListener,
  takeHttp2: (socket: Socket) => void,
  { tls, times = TIMES }: ListenOptions,
): HttpListener {
  const limits = {
    keepAliveTimeout: times.keepAliveMs,
    headersTimeout: times.headersMs,
    requestTimeout: times.requestMs,
    connectionsCheckingInterval: times.headersMs, // how often the two are checked
    maxHeaderSize: HEADER_BYTES_MAX,
    requireHostHeader: false, // checks of load balancers send none
  }
  const alpn = { ALPNProtocols: ['h2', 'http/1.1'], handshakeTimeout: times.headersMs }
  const server = tls
    ? https.createServer({ ...limits, ...tls, ...alpn }, listener)
    : http.createServer(limits, listener)
  sharePort(server, takeHttp2, { event: tls ? 'secureConnection' : 'connection', silentMs: times.silentMs })
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
