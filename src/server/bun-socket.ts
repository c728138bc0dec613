import type { Tls } from './server.ts'

/** What hears what happens on a socket; null: the client has ended its half. */
export type Ears = { onBytes(bytes: Buffer | null): void; onDrain(): void; onEnd(error?: Error): void }

/** The part of a TCP socket of Bun's that we use (https://bun.com/docs/runtime/networking/tcp). */
export type BunSocket = {
  /** Ours. */
  data: Ears | undefined
  /** How many bytes were taken, fewer than given until `drain`; less than 0: it is closed. A text is written as UTF-8. */
  write(what: Uint8Array | string): number
  /** Ends our half. */
  shutdown(): void
  /** Ends both. */
  end(): void
  pause(): void
  resume(): void
  setNoDelay(isOn: boolean): void
}

export type Place = { readonly hostname: string; readonly port: number; readonly tls?: Tls | undefined }
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
) => Port

/** Accepts connections until it is stopped, which leaves those that it has. */
export type Port = { readonly port: number; stop(): void }

/** Listens with Bun's own sockets. `open` gives each its ears. Throws what Bun says where the place cannot be had. */
export function listenForSockets(place: Place, open: (socket: BunSocket) => void): Port {
  const { listen } = (globalThis as unknown as { readonly Bun: { readonly listen: Listen } }).Bun
  return listen({
    ...place,
    allowHalfOpen: true, // or our end would close the socket, and reset what the client has not read
    socket: {
      open(socket) {
        socket.setNoDelay(true)
        open(socket)
      },
      data: (socket, bytes) => socket.data?.onBytes(bytes),
      drain: (socket) => socket.data?.onDrain(),
      end: (socket) => socket.data?.onBytes(null),
      close: (socket) => socket.data?.onEnd(),
      error: (socket, error) => socket.data?.onEnd(error),
    },
  })
}
