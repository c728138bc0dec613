import type { AddressInfo } from 'node:net'
import { type Drain, drain } from './drain.ts'
import { firstAnswer } from './first-answer.ts'
import type { Http2Doors, Sessions } from './http2.ts'
import { http2OnUse } from './http2-on-use.ts'
import { TIMES } from './limits.ts'
import type { Asked, Fetch, ListenOptions, Refuse, Server, Tls, Web } from './server.ts'
import { openStreamPort } from './stream-port-bun.ts'

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
  const { host, port, bodyBytesMax, tls, times = TIMES } = options
  const { serve } = (globalThis as unknown as { Bun: Bun }).Bun
  const draining = drain(options)
  const first = firstAnswer(refusable(evaluatedBefore(draining, options.web), draining.refuse))
  const server = serve({
    fetch: first.fetch,
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

function evaluatedBefore({ evaluating, fetch }: Drain, web: Web | undefined): Fetch {
  if (!web) return fetch
  const { askedBy, responseOf } = web
  const evaluate = evaluating<undefined, Response>(responseOf)
  return (request) => evaluate(askedBy(request), undefined) ?? fetch(request)
}

function refusable(fetch: Fetch, refuse: Refuse): Fetch {
  return (request) => {
    const refusal = refuse(request, unreadOf)
    return refusal ? new Response(refusal.body, refusal) : fetch(request)
  }
}

const unreadOf = ({ url, headers }: Request): Asked => ({ url, header: (name) => headers.get(name) })

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
