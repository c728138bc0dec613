import http2, {
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { HEADER_BYTES_MAX, type Times } from './limits.ts'
import type { Asked, Fetch, Refusal, Refuse, TakeStream } from './server.ts'
import { webListener } from './web-node.ts'

/** Requests that one connection may have open at once; gRPC clients open further connections, or wait. */
const STREAMS_MAX = 1_000
/** Streams that a client may reset at once, and per second after that, before it is cut (CVE-2023-44487, "rapid reset"). */
const RESET_BURST = 1_000
const RESETS_PER_SECOND = 33
const INVALID_FRAMES_MAX = 100
/** In MiB; what waits to be written to one client counts. */
const SESSION_MEMORY_MAX = 64
/** The first GOAWAY names no last stream: what is on its way still comes in (RFC 9113 §6.8). */
const ANY_STREAM = 2 ** 31 - 1

export const HTTP2_OPTIONS: http2.ServerOptions = {
  maxSessionMemory: SESSION_MEMORY_MAX,
  maxSessionInvalidFrames: INVALID_FRAMES_MAX,
  streamResetBurst: RESET_BURST,
  streamResetRate: RESETS_PER_SECOND,
  settings: { maxConcurrentStreams: STREAMS_MAX, maxHeaderListSize: HEADER_BYTES_MAX },
}

/** The connections of an HTTP/2 server. */
export type Sessions = {
  /** Tells every client to open nothing more here. */
  announceEnd(): void
  /** Closes each connection when its last stream has ended; at once when `late` aborts. */
  close(late?: AbortSignal): Promise<void>
}

export type Http2Dependencies = {
  readonly fetch: Fetch
  readonly refuse?: Refuse | undefined
  readonly takeStream?: TakeStream | undefined
  readonly times: Times
}

/** Answers the streams of `server`: those that `takeStream` takes, and the others as requests. */
export function serveHttp2(server: Http2Server, { fetch, refuse, takeStream, times }: Http2Dependencies): Sessions {
  const open = new Set<ServerHttp2Session>()
  let isClosing = false
  const listener = webListener(fetch)
  server.on('session', (session) => {
    open.add(session)
    session.once('close', () => open.delete(session))
    session.on('error', () => undefined) // a broken connection or a protocol error: the session closes by itself
    closeWhenIdle(session, times)
    if (isClosing) session.close() // it was accepted before, and greets only now
  })
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: string[]) => {
    if (takeStream?.(stream, headers)) return
    cutWhenSlow(stream, times.requestMs)
    const refusal = refuse?.(headers, askedBy)
    if (refusal) return send(stream, refusal)
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

/** A client that has not said what it is within seconds is none; later, one without a request may stay as long as proxies do. */
function closeWhenIdle(session: ServerHttp2Session, { headersMs, keepAliveMs }: Times): void {
  const greeting = setTimeout(() => session.destroy(), headersMs)
  const greeted = () => clearTimeout(greeting)
  session.once('remoteSettings', greeted).once('close', greeted)
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

/** Node has such a limit of its own, which may come first; Bun's is reached by the fastest clients only. */
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

/** A request that is not whole in time will never be. gRPC's calls, which may go on, are watched where they are read. */
function cutWhenSlow(stream: ServerHttp2Stream, requestMs: number): void {
  if (stream.endAfterHeaders) return
  const timer = setTimeout(() => stream.close(http2.constants.NGHTTP2_CANCEL), requestMs)
  const done = () => clearTimeout(timer)
  stream.once('end', done).once('close', done)
}

const askedBy = (headers: IncomingHttpHeaders): Asked => ({
  url: headers[':path'] ?? '',
  header: (name) => headers[name]?.toString(),
})

/** Answers and reads the rest for nobody. */
function send(stream: ServerHttp2Stream, { status, headers, body }: Refusal): void {
  stream.on('error', () => undefined) // the client's reset
  stream.respond({ ...headers, ':status': status })
  stream.end(body)
  stream.resume()
}
