import { once } from 'node:events'
import http from 'node:http'
import type { Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { drain } from './drain.ts'
import type { ListenOptions, Server } from './server.ts'

/** Longer than the idle time of any proxy in front (Knative's queue-proxy 90 s, Google's load balancer 600 s): the proxy closes first. */
const KEEP_ALIVE_MS = 620_000
/** A client that takes longer to send its headers, or its request, is not one. */
const HEADERS_MS = 10_000
const REQUEST_MS = 30_000
const HEADER_BYTES_MAX = 32 * 1024
const SWEEP_MS = 20
/** What was connected ahead, as browsers and proxies do, and says nothing for so long has no request for us. */
const SILENT_MS = 500

/** Serves HTTP/1.1 on Node's own server. */
export async function listenOnNode({ fetch, host, port }: ListenOptions): Promise<Server> {
  const draining = drain(fetch)
  const server = http.createServer(
    {
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
    },
    getRequestListener(draining.fetch, { overrideGlobalObjects: false }),
  )
  // Node counts a connection that never sent a byte as busy.
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const closeSilent = () => {
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
  }
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : port,
    async close(late) {
      const closed = once(server, 'close')
      await draining.close(() => server.close())
      // Repeated, because a connection may turn idle just after any single sweep.
      const sweep = setInterval(() => {
        if (late?.aborted) server.closeAllConnections()
        else server.closeIdleConnections()
      }, SWEEP_MS)
      const silence = setTimeout(closeSilent, SILENT_MS)
      await closed
      clearInterval(sweep)
      clearTimeout(silence)
    },
  }
}
