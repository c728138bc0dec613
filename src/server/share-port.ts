import type { Server as HttpServer } from 'node:http'
import type { Socket } from 'node:net'

/** First bytes of every cleartext HTTP/2 connection (RFC 9113 §3.4). No HTTP/1 method starts this way. */
const PREFACE = Buffer.from('PRI')

export type SharePortOptions = {
  readonly event: 'connection' | 'secureConnection'
  /** Time limit in ms for the first bytes of a connection. */
  readonly silentMs: number
}

/**
 * Passes the HTTP/2 connections of `server` to `takeHttp2`, because most platforms give a container one port. With TLS, the handshake
 * (ALPN) selects the protocol; in cleartext, the first bytes do. `server` remains the listener, because Node enforces header timeouts and
 * tracks idle connections only for a server that listens.
 */
export function sharePort(
  server: HttpServer,
  takeHttp2: (socket: Socket) => void,
  { event, silentMs }: SharePortOptions,
): void {
  const listeners = server.listeners(event)
  server.removeAllListeners(event)
  server.on(event, (socket: Socket) => {
    const take = (isHttp2: boolean) => {
      // HTTP/1.1 leaves it on, and an HTTP/2 session would then not detect that its client has disconnected.
      if (isHttp2) socket.allowHalfOpen = false
      if (isHttp2) takeHttp2(socket)
      else for (const listener of listeners) listener.call(server, socket)
    }
    if ('alpnProtocol' in socket) take(socket.alpnProtocol === 'h2')
    else detectProtocol(socket, silentMs, take)
  })
}

/**
 * Reads enough bytes to detect the protocol, puts them back and passes the socket on. Reads by `data` events: a socket that ever had a
 * listener for `readable` is read by streams from then on and not by Node's parser itself, which takes two to three times as long for each request.
 */
function detectProtocol(socket: Socket, silentMs: number, take: (isHttp2: boolean) => void): void {
  let head: Buffer = Buffer.alloc(0)
  const detach = () => {
    socket.off('data', read).off('end', destroy).off('error', ignore).off('timeout', destroy).setTimeout(0)
  }
  const read = (chunk: Buffer) => {
    head = head.byteLength === 0 ? chunk : Buffer.concat([head, chunk])
    const known = Math.min(head.byteLength, PREFACE.byteLength)
    const isHttp2 = head.subarray(0, known).equals(PREFACE.subarray(0, known))
    if (isHttp2 && known < PREFACE.byteLength) return
    detach()
    socket.pause()
    socket.unshift(head)
    take(isHttp2)
    if (!isHttp2) socket.resume() // an HTTP/2 session reads what was put back by itself
  }
  const destroy = () => socket.destroy() // the client sent nothing in time, or closed before it sent a request
  const ignore = () => undefined
  socket.on('data', read).on('end', destroy).on('error', ignore).on('timeout', destroy).setTimeout(silentMs)
}
