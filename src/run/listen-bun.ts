import type { AddressInfo } from 'node:net'
import { listenForSockets } from './bun-socket.ts'
import { drain } from './drain.ts'
import { firstAnswer } from './first-answer.ts'
import { Connections } from './http1/connections.ts'
import type { Doors } from './http1/doors.ts'
import { SocketOnBun } from './http1/socket-bun.ts'
import type { Http2Doors, Sessions } from './http2.ts'
import { http2OnUse } from './http2-on-use.ts'
import { TIMES } from './limits.ts'
import type { ListenOptions, Server, Tls } from './server.ts'
import { openStreamPort } from './stream-port-bun.ts'

/**
 * Serves HTTP/1.1 on Bun's sockets, since its own server takes twice the time of an evaluation (docs/decisions/0014-http-speed.md), and
 * HTTP/2 with gRPC on a port beside it.
 */
export async function listenOnBun(options: ListenOptions): Promise<Server> {
  const { host, port, bodyBytesMax, tls, times = TIMES } = options
  const draining = drain(options)
  const first = firstAnswer(draining)
  const clients = new Connections()
  const doors: Doors = {
    refuse: draining.refuse,
    evaluate: first.evaluating((reply, client) => client.answer(reply)),
    others: { fetch: first.fetch },
    scheme: tls ? 'https' : 'http',
    bodyBytesMax,
    times,
  }
  const http1 = listenForSockets({ hostname: host, port, tls }, (incoming) => {
    const socket = new SocketOnBun(incoming)
    socket.heardBy(clients.take(socket, doors))
  })
  const grpc = options.takeStream && (await first.wait().then(() => listenForGrpc(options)))
  return {
    port: http1.port,
    grpcPort: grpc?.port,
    announceEnd: () => void draining.announceEnd(),
    async close(late) {
      await draining.announceEnd()
      grpc?.sessions.announceEnd()
      await draining.close(() => {
        http1.stop()
        grpc?.stop()
      })
      await Promise.all([clients.close(late), grpc?.sessions.close(late)])
    },
  }
}

type GrpcDoor = { readonly port: number; readonly sessions: Sessions; stop(): void }

/** Opens after the evaluation is answered that may have woken this instance. With TLS it is Node's from the start. */
function listenForGrpc(options: ListenOptions): GrpcDoor | Promise<GrpcDoor> {
  const { fetch, refuse, takeStream, host, port, grpcPort = port === 0 ? 0 : port + 1, tls, times = TIMES } = options
  const doors = { fetch, refuse, takeStream, times }
  if (tls) return listenForGrpcOverTls({ host, port: grpcPort }, tls, doors)
  const http2 = http2OnUse(doors)
  const listener = openStreamPort({ hostname: host, port: grpcPort }, http2.take)
  return { port: listener.port, sessions: http2, stop: () => listener.stop() }
}

async function listenForGrpcOverTls(
  place: { readonly host: string; readonly port: number },
  tls: Tls,
  doors: Http2Doors,
): Promise<GrpcDoor> {
  const { HTTP2_OPTIONS, serveHttp2 } = await import('./http2.ts')
  const { createSecureServer } = process.getBuiltinModule('node:http2')
  const server = createSecureServer({ ...HTTP2_OPTIONS, ...tls, handshakeTimeout: doors.times.headersMs })
  const sessions = serveHttp2(server, doors)
  server.listen(place)
  await process.getBuiltinModule('node:events').once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, sessions, stop: () => void server.close() }
}
