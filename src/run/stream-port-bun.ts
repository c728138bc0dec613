import type { Duplex } from 'node:stream'
import type { BunSocket, Ears } from './bun-socket.ts'

type Place = { readonly hostname: string; readonly port: number }
type Listen = (
  options: Place & {
    allowHalfOpen: boolean
    socket: {
      open(socket: BunSocket): void
      data(socket: BunSocket, bytes: Buffer): void
      drain(socket: BunSocket): void
      end(socket: BunSocket): void
      close(socket: BunSocket): void
      error(socket: BunSocket, error: Error): void
    }
  },
) => { readonly port: number; stop(): void }

/** Accepts connections until it is stopped, which leaves those that it has. */
export type StreamPort = { readonly port: number; stop(): void }

/**
 * Listens with Bun's own sockets and gives each connection to `take` as a stream of Node's, which is loaded with the first: until then a port
 * costs nothing, where node:net and what it stands on would be 3 of 45 MB.
 */
export function openStreamPort(place: Place, take: (stream: Duplex) => void): StreamPort {
  const { listen } = (globalThis as unknown as { readonly Bun: { readonly listen: Listen } }).Bun
  let streamOf: ((socket: BunSocket) => Duplex & Ears) | undefined
  const open = (socket: BunSocket) => {
    socket.setNoDelay(true)
    if (!streamOf) return void openLater(socket).catch((error) => fail(socket, error))
    const stream = streamOf(socket)
    socket.data = stream
    take(stream)
  }
  const openLater = async (socket: BunSocket) => {
    const early = new Early()
    socket.data = early
    socket.pause() // what was read with the connection still comes
    const { BunStream } = await import('./bun-stream.ts')
    streamOf = (each) => new BunStream(each)
    if (early.hasEnded) return
    open(socket)
    for (const bytes of early.bytes) socket.data.onBytes(bytes)
    socket.resume()
  }
  return listen({
    ...place,
    allowHalfOpen: true, // or our end would close the socket, and reset what the client has not read
    socket: {
      open,
      data: (socket, bytes) => socket.data?.onBytes(bytes),
      drain: (socket) => socket.data?.onDrain(),
      end: (socket) => socket.data?.onBytes(null),
      close: (socket) => socket.data?.onEnd(),
      error: (socket, error) => socket.data?.onEnd(error),
    },
  })
}

function fail(socket: BunSocket, error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error))
  socket.end()
}

/** What is heard of a socket that has no stream yet. */
class Early implements Ears {
  readonly bytes: (Buffer | null)[] = []
  hasEnded = false

  onBytes(bytes: Buffer | null): void {
    this.bytes.push(bytes)
  }

  onDrain(): void {} // nothing was sent

  onEnd(): void {
    this.hasEnded = true
  }
}
