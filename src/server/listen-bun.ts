import type { AddressInfo } from 'node:net'
import { type BunSocket, listenForSockets } from './bun-socket.ts'
import { streamsFor } from './bun-streams.ts'
import { drain } from './drain.ts'
import { firstAnswer } from './first-answer.ts'
import { Connections } from './http1/connections.ts'
import type { Answers } from './http1/doors.ts'
import { SocketOnBun } from './http1/socket-bun.ts'
import type { Http2Dependencies, Sessions } from './http2.ts'
import { lazyHttp2 } from './lazy-http2.ts'
import { TIMES } from './limits.ts'
import type { ListenOptions, Server } from './server.ts'

/**
 * Serves HTTP/1.1 on Bun's sockets, since its own server takes twice the time of an evaluation (docs/decisions/0014-http-speed.md), and
 * HTTP/2 with gRPC on a port beside it and, without TLS, on the same one.
 */
export async function listenOnBun(options: ListenOptions): Promise<Server> {
  const { host, port, bodyBytesMax, tls, times = TIMES } = options
  const draining = drain(options)
  const first = firstAnswer(draining)
  const clients = new Connections()
  const http2 = http2On({ ...options, times })
  const dependencies = {
    refuse: draining.refuse,
    evaluate: first.evaluating<Answers, void>((reply, client) => client.answer(reply)),
    scheme: tls ? 'https' : 'http',
    bodyBytesMax,
    times,
  } as const
  const listener = listenForSockets({ hostname: host, port, tls }, (incoming) => {
    const socket = new SocketOnBun(incoming)
    const handOver = http2 && ((bytes?: Buffer) => http2.take(incoming, bytes))
    socket.heardBy(
      clients.take(socket, { ...dependencies, others: { fetch: first.fetch, http2: handOver && { handOver } } }),
    )
  })
  const grpc = options.takeStream && (await first.wait().then(() => listenForGrpc(options, http2)))
  return {
    port: listener.port,
    grpcPort: grpc?.port,
    announceEnd: () => void draining.announceEnd(),
    async close(late) {
      await draining.announceEnd()
      grpc?.sessions.announceEnd()
      await draining.close(() => {
        listener.stop()
        grpc?.stop()
      })
      await Promise.all([clients.close(late), grpc?.sessions.close(late)])
      await grpc?.sessions.close(late) // of those that spoke their first word only now
    },
  }
}

type Http2 = Sessions & { readonly take: (socket: BunSocket, come?: Buffer) => void }

/** What takes cleartext connections of either port that speak HTTP/2; undefined: nobody does. With TLS they are Node's from the start. */
function http2On({ fetch, refuse, takeStream, tls, times }: ListenOptions & Http2Dependencies): Http2 | undefined {
  if (!takeStream || tls) return undefined
  const { take, ...sessions } = lazyHttp2({ fetch, refuse, takeStream, times })
  return { ...sessions, take: streamsFor(take) }
}

type GrpcDoor = { readonly port: number; readonly sessions: Sessions; stop(): void }

/** Opens after the evaluation is answered that may have woken this instance. */
function listenForGrpc(options: ListenOptions, http2: Http2 | undefined): GrpcDoor | Promise<GrpcDoor> {
  const { host, port, grpcPort = port === 0 ? 0 : port + 1, times = TIMES } = options
  if (!http2) return listenForGrpcOverTls(grpcPort, { ...options, times })
  const listener = listenForSockets({ hostname: host, port: grpcPort }, (socket) => http2.take(socket))
  return { port: listener.port, sessions: http2, stop: () => listener.stop() }
}

async function listenForGrpcOverTls(port: number, options: ListenOptions & Http2Dependencies): Promise<GrpcDoor> {
  const { fetch, refuse, takeStream, host, tls, times } = options
  const { HTTP2_OPTIONS, serveHttp2 } = await import('./http2.ts')
  const { createSecureServer } = process.getBuiltinModule('node:http2')
  const server = createSecureServer({ ...HTTP2_OPTIONS, ...tls, handshakeTimeout: times.headersMs })
  const sessions = serveHttp2(server, { fetch, refuse, takeStream, times })
  server.listen({ host, port })
  await process.getBuiltinModule('node:events').once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, sessions, stop: () => void server.close() }
}
