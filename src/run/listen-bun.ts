import type { AddressInfo } from 'node:net'
import { drain } from './drain.ts'
import { firstAnswer } from './first-answer.ts'
import type { Sessions } from './http2.ts'
import { TIMES } from './limits.ts'
import type { Fetch, ListenOptions, Refuse, Server, Tls } from './server.ts'

/** The part of Bun's API that we use (https://bun.com/docs/runtime/http/server). */
type BunServer = { readonly port: number; stop(closeActive?: boolean): Promise<void> }
type Bun = {
  serve(options: {
    fetch: Fetch
    hostname: string
    port: number
    idleTimeout: number
    maxRequestBodySize: number
    development: boolean
    tls: Tls | undefined
  }): BunServer
}

/** Bun's largest. It holds for whole requests, too: who takes longer is cut, however many bytes came meanwhile. */
const IDLE_SECONDS_MAX = 255

/** Serves HTTP/1.1 on Bun's own server, and HTTP/2 with gRPC on a port of its own: to share one would cost Bun most of its speed. */
export async function listenOnBun(options: ListenOptions): Promise<Server> {
  const { fetch, refuse, host, port, bodyBytesMax, tls, times = TIMES } = options
  const { serve } = (globalThis as unknown as { Bun: Bun }).Bun
  const first = firstAnswer(refuse ? refusable(fetch, refuse) : fetch)
  const draining = drain(first.fetch)
  const server = serve({
    fetch: draining.fetch,
    hostname: host,
    port,
    idleTimeout: Math.min(Math.ceil(times.keepAliveMs / 1_000), IDLE_SECONDS_MAX),
    maxRequestBodySize: bodyBytesMax,
    development: false,
    tls,
  })
  const grpc = options.takeStream && (await first.wait().then(() => listenForGrpc(options)))
  return {
    port: server.port,
    grpcPort: grpc?.port,
    announceEnd: () => void draining.announceEnd(),
    async close(late) {
      await draining.announceEnd()
      grpc?.sessions.announceEnd()
      let stopped: Promise<void> | undefined
      await draining.close(() => {
        stopped = server.stop()
        grpc?.stop()
      })
      const cut = () => void server.stop(true)
      late?.addEventListener('abort', cut)
      if (late?.aborted) cut()
      await Promise.all([stopped, grpc?.sessions.close(late)])
      late?.removeEventListener('abort', cut)
    },
  }
}

function refusable(fetch: Fetch, refuse: Refuse): Fetch {
  return (request) => {
    const refusal = refuse(() => ({ url: request.url, header: (name) => request.headers.get(name) }))
    return refusal ? new Response(refusal.body, refusal) : fetch(request)
  }
}

type GrpcDoor = { readonly port: number; readonly sessions: Sessions; stop(): void }

/** HTTP/2 is loaded when the evaluation is answered that may have woken this instance. */
async function listenForGrpc(options: ListenOptions): Promise<GrpcDoor> {
  const { fetch, refuse, takeStream, host, port, grpcPort, tls, times = TIMES } = options
  const [{ createServer, createSecureServer }, { HTTP2_OPTIONS, serveHttp2 }] = await Promise.all([
    import('node:http2'),
    import('./http2.ts'),
  ])
  const server = tls
    ? createSecureServer({ ...HTTP2_OPTIONS, ...tls, handshakeTimeout: times.headersMs })
    : createServer(HTTP2_OPTIONS)
  const sessions = serveHttp2(server, { fetch, refuse, takeStream, times })
  server.listen(grpcPort ?? (port === 0 ? 0 : port + 1), host)
  await process.getBuiltinModule('node:events').once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, sessions, stop: () => void server.close() }
}
