import { EVALUATE_ALL, EVALUATE_FLAG } from '../routes/paths.ts'
import type { Http2Listener } from './http2.ts'
import { drain, isHost, NO_HOST } from './requests.ts'
import { type Fetch, type ListenOptions, type Server, TIMES, type Times, type Tls } from './server.ts'

/** The part of Bun.serve that we use (https://bun.com/docs/runtime/http/server). */
type BunRequest = Request & { readonly params: Readonly<Record<string, string>> }
type BunServer = {
  readonly port: number
  /** Closes the connection of `request` after so many seconds; 0: never. */
  timeout(request: Request, seconds: number): void
  stop(closeActive?: boolean): Promise<void>
}
type Handler = (request: BunRequest, server: BunServer) => Response | Promise<Response>
declare const Bun: {
  serve(options: {
    hostname: string
    port: number
    tls?: Tls | undefined
    development: false
    /** In seconds; 0: none. */
    idleTimeout: number
    maxRequestBodySize: number
    routes: Readonly<Record<string, Handler>>
    fetch: Fetch
    error: (error: Error) => Response
  }): BunServer
}

/** HTTP/2 takes 36 ms of processor time to load: a request that woke this instance is answered before that. */
const GRPC_DELAY_MS = 100
/** The longest path of ours has 9. */
const SEGMENTS_MAX = 12
const SEGMENTS = Array.from({ length: SEGMENTS_MAX }, (_, place) => `s${place}`)

/** Serves HTTP/1.1 by `Bun.serve`, and HTTP/2 with gRPC by node:http2 on a port of its own. */
export async function listenOnBun(options: ListenOptions): Promise<Server> {
  const { host, port, tls, bodyBytesMax, times = TIMES } = options
  const draining = drain(options.fetch)
  const fetch = withUrl(draining.fetch, tls ? 'https' : 'http')
  const server = Bun.serve({
    hostname: host,
    port,
    tls,
    development: false,
    idleTimeout: 0, // heads have a limit of Bun's, 12 s
    maxRequestBodySize: bodyBytesMax,
    routes: routesTo(timed(fetch, times)),
    fetch: refused,
    error: () => new Response('Internal error', { status: 500 }),
  })
  const grpc = options.takeStream && (await listenForGrpc(options))
  return {
    port: server.port,
    grpcPort: grpc?.port,
    announceEnd: () => void draining.announceEnd(),
    async close(late) {
      if (late?.aborted) return server.stop(true)
      await draining.announceEnd()
      grpc?.announceEnd()
      let stopped: Promise<unknown> = Promise.resolve()
      await draining.close(() => {
        stopped = Promise.all([server.stop(), grpc?.close(late)])
      })
      const cut = () => void server.stop(true)
      late?.addEventListener('abort', cut)
      await stopped
      late?.removeEventListener('abort', cut)
    },
  }
}

async function listenForGrpc(options: ListenOptions): Promise<Http2Listener> {
  const { port, grpcPort = port === 0 ? 0 : port + 1 } = options
  await process.getBuiltinModule('node:timers/promises').setTimeout(GRPC_DELAY_MS)
  return (await import('./http2.ts')).listenForHttp2({ ...options, port: grpcPort })
}

/**
 * A route for each number of segments, since only the parameters of a route say how the path was sent: `request.url` is normalized, so that
 * `/ofrep/../api` or `/ofrep\..\api` would be served as `/api` behind a proxy that has let `/ofrep/` through. Evaluations have routes of
 * their own, with one parameter instead of five.
 */
function routesTo(handle: Handler): Readonly<Record<string, Handler>> {
  const checked: Handler = (request, server) => (isPlain(request) ? handle(request, server) : refused())
  const paths = SEGMENTS.map((_, place) =>
    SEGMENTS.slice(0, place + 1)
      .map((name) => `/:${name}`)
      .join(''),
  )
  return Object.fromEntries([
    ['/', handle],
    [EVALUATE_ALL, handle],
    [EVALUATE_FLAG, checked],
    ...paths.flatMap((path) => [[path, checked] as const, [`${path}/`, checked] as const]),
  ])
}

/** A segment, percent-decoded, that a URL parser removes; the last one may end with a fragment. */
const DOT_SEGMENT = /^\.\.?(?:#|$)/

/** False where a segment is one that a URL parser removes or takes apart. An encoded backslash is none: `request.url` still has it. */
function isPlain({ params, url }: BunRequest): boolean {
  let backslashes = 0
  for (const name in params) {
    const segment = params[name] ?? ''
    if (DOT_SEGMENT.test(segment)) return false
    if (segment.includes('\\')) backslashes += segment.split('\\').length - 1
  }
  return backslashes === 0 || backslashes === (url.split('?', 1)[0]?.match(/%5c/gi)?.length ?? 0)
}

/**
 * Limits how long a request takes to arrive, and its connection to stay after it. Bun's longest time-out is 255 s, less than load balancers
 * keep connections, so that a longer one is none.
 */
function timed(fetch: Fetch, { requestMs, keepAliveMs }: Times): Handler {
  const [requestSeconds, keepAliveSeconds] = [secondsOf(requestMs), secondsOf(keepAliveMs)]
  return (request, server) => {
    server.timeout(request, requestSeconds)
    const keepAlive = <T>(response: T): T => {
      server.timeout(request, keepAliveSeconds)
      return response
    }
    const response = fetch(request, server)
    return response instanceof Promise ? response.then(keepAlive) : keepAlive(response)
  }
}

function secondsOf(ms: number): number {
  const seconds = Math.ceil(ms / 1_000)
  return seconds > 255 ? 0 : seconds
}

/** For a path with dot segments or backslashes, or with empty or more segments than any of ours. */
const refused = () => badRequest('Cannot read the path')

const badRequest = (mistake: string) => new Response(mistake, { status: 400, headers: { connection: 'close' } })

/** Bun's URL is relative where the host is missing or odd, and its Host joins several by a comma. */
function withUrl(fetch: Fetch, scheme: 'http' | 'https'): Fetch {
  return (request, env) => {
    const host = request.headers.get('host')
    if (!host) return fetch(new Request(`${scheme}://${NO_HOST}${request.url}`, request), env)
    if (!isHost(host)) return badRequest('Cannot read the host')
    return request.url.startsWith(scheme) ? fetch(request, env) : refused() // CONNECT has no path
  }
}
