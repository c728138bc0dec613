import type { Duplex } from 'node:stream'
import type { BunSocket, Ears } from './bun-socket.ts'

/**
 * Gives sockets of Bun's to `take` as streams of Node's, each with what has come on it already. They are loaded with the first: until then
 * they cost nothing, where node:net and what it stands on would be 3 of 45 MB.
 */
export function streamsFor(take: (stream: Duplex) => void): (socket: BunSocket, come?: Buffer) => void {
  let streamOf: ((socket: BunSocket) => Duplex & Ears) | undefined
  const open = (socket: BunSocket, come?: Buffer) => {
    if (!streamOf) return void openLater(socket, come).catch((error) => fail(socket, error))
    const stream = streamOf(socket)
    socket.data = stream
    take(stream)
    if (come) stream.onBytes(come)
  }
  const openLater = async (socket: BunSocket, come?: Buffer) => {
    const early = new Early()
    socket.data = early
    socket.pause() // what was read with the connection still comes
    const { BunStream } = await import('./bun-stream.ts')
    streamOf = (each) => new BunStream(each)
    if (early.hasEnded) return
    open(socket, come)
    for (const bytes of early.bytes) socket.data.onBytes(bytes)
    socket.resume()
  }
  return open
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
