import type { Duplex } from 'node:stream'
import type { Http2Dependencies, Sessions } from './http2.ts'

/** An HTTP/2 server that takes the connections of another. */
export type LazyHttp2 = Sessions & { readonly take: (socket: Duplex) => void }

type Served = { readonly sessions: Sessions; readonly take: (socket: Duplex) => void }

/**
 * HTTP/2 without TLS or behind one, loaded with the first connection that speaks it: Node takes longer to load it than to answer, and most
 * instances are asked over HTTP/1.1 alone.
 */
export function lazyHttp2(dependencies: Http2Dependencies): LazyHttp2 {
  let served: Served | undefined
  let opening: Promise<Served> | undefined
  let hasEnded = false
  const open = async (): Promise<Served> => {
    const { HTTP2_OPTIONS, serveHttp2 } = await import('./http2.ts')
    const server = process.getBuiltinModule('node:http2').createServer(HTTP2_OPTIONS)
    const sessions = serveHttp2(server, dependencies)
    served = { sessions, take: (socket) => void server.emit('connection', socket) }
    return served
  }
  const takeLater = async (socket: Duplex) => {
    const ignore = () => undefined // of a client that leaves meanwhile
    socket.on('error', ignore)
    try {
      opening ??= open()
      const { sessions, take } = await opening
      socket.off('error', ignore)
      if (!socket.destroyed) take(socket)
      if (hasEnded) sessions.announceEnd()
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error))
      socket.destroy()
    }
  }
  return {
    take: (socket) => (served ? served.take(socket) : void takeLater(socket)),
    announceEnd: () => {
      hasEnded = true
      served?.sessions.announceEnd()
    },
    close: async (late) => {
      const { sessions } = (await opening?.catch(() => undefined)) ?? {}
      await sessions?.close(late)
    },
  }
}
