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
  server.on(event, async (socket: Socket) => {
    const isHttp2 = 'alpnProtocol' in socket ? socket.alpnProtocol === 'h2' : await beginsAsHttp2(socket, silentMs)
    if (socket.destroyed) return
    if (isHttp2) {
      socket.allowHalfOpen = false // HTTP/1.1 leaves it on, and an HTTP/2 session would then not detect that its client has disconnected
      takeHttp2(socket)
    } else for (const listener of listeners) listener.call(server, socket)
  })
}

/** Reads enough bytes to detect the protocol, then puts them back. */
function beginsAsHttp2(socket: Socket, silentMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    let head = Buffer.alloc(0)
    const decide = (isHttp2: boolean) => {
      socket.off('readable', look).off('end', end).off('close', leave).off('error', ignore).setTimeout(0)
      if (head.byteLength > 0) socket.unshift(head)
      resolve(isHttp2)
    }
    const look = () => {
      const chunk: Buffer | null = socket.read()
      if (chunk !== null) head = Buffer.concat([head, chunk])
      const known = Math.min(head.byteLength, PREFACE.byteLength)
      if (socket.readableEnded || !head.subarray(0, known).equals(PREFACE.subarray(0, known))) decide(false)
      else if (known === PREFACE.byteLength) decide(true)
    }
    const leave = () => decide(false)
    const end = () => socket.destroy() // the client closed before it sent a request: there is nothing to respond to
    const ignore = () => undefined
    socket.on('readable', look).on('end', end).on('close', leave).on('error', ignore)
    socket.setTimeout(silentMs, () => socket.destroy())
  })
}
