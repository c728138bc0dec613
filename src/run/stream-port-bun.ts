import type { Duplex } from 'node:stream'
import { type BunSocket, type Ears, listenForSockets, type Place, type Port } from './bun-socket.ts'

/**
 * Listens with Bun's own sockets and gives each connection to `take` as a stream of Node's, which is loaded with the first: until then a port
 * costs nothing, where node:net and what it stands on would be 3 of 45 MB.
 */
export function openStreamPort(place: Place, take: (stream: Duplex) => void): Port {
  let streamOf: ((socket: BunSocket) => Duplex & Ears) | undefined
  const open = (socket: BunSocket) => {
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
  return listenForSockets(place, open)
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
