import type { Server as HttpServer } from 'node:http'
import type { Socket } from 'node:net'

/** First bytes of every cleartext HTTP/2 connection (RFC 9113 §3.4). No HTTP/1 method starts this way. */
const PREFACE = Buffer.from('PRI')

export type SharePortOptions = {
  readonly event: 'connection' | 'secureConnection'
  /** How long a connection may wait for its first bytes. */
  readonly silentMs: number
}

/**
 * Hands the connections of `server` that speak HTTP/2 to `takeHttp2`, because most platforms give a container one port. Over TLS the
 * handshake says which (ALPN), in cleartext the first bytes do. The server itself stays the one that listens, because Node watches
 * header time-outs and idle connections only of a server that does.
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
      socket.allowHalfOpen = false // HTTP/1.1 leaves it open, and an HTTP/2 session would then not notice that its client is gone
      takeHttp2(socket)
    } else for (const listener of listeners) listener.call(server, socket)
  })
}

/** Reads just enough to tell, and puts it back. */
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
    const end = () => socket.destroy() // the client closes before it has sent a request: there is nothing to respond to
    const ignore = () => undefined
    socket.on('readable', look).on('end', end).on('close', leave).on('error', ignore)
    socket.setTimeout(silentMs, () => socket.destroy())
  })
}
