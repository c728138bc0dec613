import { once } from 'node:events'
import http2, {
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { isPlainTarget, NO_HOST } from './requests.ts'
import { HEADER_BYTES_MAX, type ListenOptions, TIMES, type Times } from './server.ts'

/** Maximum of concurrent requests on one connection; gRPC clients open further connections, or wait. */
const STREAMS_MAX = 1_000
/**
 * Streams that a client may reset at once, and per second after that, before its connection is destroyed (CVE-2023-44487, "rapid reset").
 */
const RESET_BURST = 1_000
const RESETS_PER_SECOND = 33
const INVALID_FRAMES_MAX = 100
/** In MiB, including data that waits to be written to one client. */
const SESSION_MEMORY_MAX = 64
/** The first GOAWAY names no last stream, so streams in flight are still accepted (RFC 9113 §6.8). */
const ANY_STREAM = 2 ** 31 - 1

/** Limits of every HTTP/2 server. */
export const HTTP2_OPTIONS: http2.ServerOptions = {
  maxSessionMemory: SESSION_MEMORY_MAX,
  maxSessionInvalidFrames: INVALID_FRAMES_MAX,
  streamResetBurst: RESET_BURST,
  streamResetRate: RESETS_PER_SECOND,
  settings: { maxConcurrentStreams: STREAMS_MAX, maxHeaderListSize: HEADER_BYTES_MAX },
}

/** The connections of an HTTP/2 server. */
export type Http2Sessions = {
  /** Announces to every client that it must open no further stream. */
  announceEnd(): void
  /** Closes each connection when its last stream has ended, or at once when `late` aborts. */
  close(late?: AbortSignal): Promise<void>
}
/** A server with its own port; its `close` also stops listening. */
export type Http2Listener = Http2Sessions & { readonly port: number }

type Http2Options = Pick<ListenOptions, 'fetch' | 'takeStream' | 'times'>

/** Serves HTTP/2 on `port`, over TLS or in cleartext with prior knowledge. */
export async function listenForHttp2(options: ListenOptions): Promise<Http2Listener> {
  const { host, port, tls, times = TIMES } = options
  const server = tls
    ? http2.createSecureServer({ ...HTTP2_OPTIONS, ...tls, handshakeTimeout: times.headersMs })
    : http2.createServer(HTTP2_OPTIONS)
  const sessions = serveHttp2(server, options)
  server.listen({ host, port })
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    announceEnd: sessions.announceEnd,
    close: async (late) => {
      server.close()
      await sessions.close(late)
    },
  }
}

/** Routes the streams of `server`: native gRPC to `takeStream`, the others to `fetch`. */
export function serveHttp2(server: Http2Server, { fetch, takeStream, times = TIMES }: Http2Options): Http2Sessions {
  const open = new Set<ServerHttp2Session>()
  let isClosing = false
  const listener = getRequestListener(fetch, { hostname: NO_HOST, overrideGlobalObjects: !('Bun' in globalThis) })
  server.on('session', (session) => {
    open.add(session)
    session.once('close', () => open.delete(session))
    session.on('error', () => undefined) // a broken connection or a protocol error: Node closes the session
    closeWhenIdle(session, times)
    if (isClosing) session.close() // accepted before the close began, but its preface arrived only now
  })
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: string[]) => {
    if (takeStream?.(stream, headers)) return
    cutWhenSlow(stream, times.requestMs)
    if (!isPlainTarget(headers[':path'] ?? '')) return refuse(stream)
    const request = new http2.Http2ServerRequest(stream, headers, {}, raw)
    void listener(request, new http2.Http2ServerResponse(stream))
  })
  return {
    announceEnd: () => {
      for (const session of open) if (!session.closed) session.goaway(http2.constants.NGHTTP2_NO_ERROR, ANY_STREAM)
    },
    close: async (late) => {
      isClosing = true
      const cut = () => {
        for (const session of open) session.destroy()
      }
      late?.addEventListener('abort', cut)
      if (late?.aborted) cut()
      await Promise.all(
        [...open].map((session) => {
          const { promise, resolve } = Promise.withResolvers<void>()
          session.once('close', resolve)
          session.close()
          return promise
        }),
      )
      late?.removeEventListener('abort', cut)
    },
  }
}

/**
 * Destroys a session whose preface does not arrive in time. After that, a session without streams may stay as long as proxies keep theirs.
 */
function closeWhenIdle(session: ServerHttp2Session, { headersMs, keepAliveMs }: Times): void {
  const prefaceTimer = setTimeout(() => session.destroy(), headersMs)
  const clear = () => clearTimeout(prefaceTimer)
  session.once('remoteSettings', clear).once('close', clear)
  const resets = resetLimit()
  let streams = 0
  session.setTimeout(keepAliveMs, () => {
    if (streams === 0) session.close()
  })
  session.on('stream', (stream) => {
    streams += 1
    stream.once('close', () => {
      streams -= 1
      const isReset = stream.rstCode !== http2.constants.NGHTTP2_NO_ERROR
      if (isReset && resets.isTooMany()) session.destroy(undefined, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM)
    })
  })
}

/** Limits resets for each connection. Node has its own limit, which may be reached first; only the fastest clients reach Bun's. */
function resetLimit(): { isTooMany(): boolean } {
  let left = RESET_BURST
  let at = performance.now()
  return {
    isTooMany: () => {
      const now = performance.now()
      left = Math.min(RESET_BURST, left + ((now - at) / 1_000) * RESETS_PER_SECOND) - 1
      at = now
      return left < 0
    },
  }
}

/** Ends a request that is not complete in time. gRPC calls may last longer; their reader has its own timeouts. */
function cutWhenSlow(stream: ServerHttp2Stream, requestMs: number): void {
  if (stream.endAfterHeaders) return
  const timer = setTimeout(() => stream.close(http2.constants.NGHTTP2_CANCEL), requestMs)
  const done = () => clearTimeout(timer)
  stream.once('end', done).once('close', done)
}

/** Refuses a path with dot segments or backslashes; the body is discarded. */
function refuse(stream: ServerHttp2Stream): void {
  stream.on('error', () => undefined) // the client reset the stream
  stream.respond({ ':status': 400 })
  stream.end('Cannot read the path')
  stream.resume()
}
