import { type Ears, ended, KEEP_ALIVE_MS, type Place, type Wire } from './wire.ts'

/** The part of Bun's API that we use (https://bun.com/docs/runtime/networking/tcp). */
type Socket = {
  /** How many bytes were taken; fewer than given until `drain`. */
  write(bytes: Uint8Array): number
  terminate(): void
  setNoDelay(isOn: boolean): void
  setKeepAlive(isOn: boolean, afterMs: number): void
}
type Connect = (options: {
  hostname: string
  port: number
  socket: {
    open(socket: Socket): void
    data(socket: Socket, bytes: Buffer): void
    drain(socket: Socket): void
    close(socket: Socket, error?: Error): void
    error(socket: Socket, error: Error): void
  }
}) => Promise<Socket>

/** Connects with Bun's own sockets: to load node:net takes it a tenth of a start. */
export function wireOnBun({ host, port }: Place, { onOpen, onBytes, onEnd }: Ears): Wire {
  const { connect } = (globalThis as unknown as { readonly Bun: { readonly connect: Connect } }).Bun
  let socket: Socket | undefined
  let isClosed = false
  const waiting: Uint8Array[] = []
  const flush = () => {
    for (let [first] = waiting; first && socket; [first] = waiting) {
      const taken = Math.max(0, socket.write(first))
      if (taken < first.byteLength) {
        waiting[0] = first.subarray(taken)
        return
      }
      waiting.shift()
    }
  }
  const open = (opened: Socket) => {
    if (isClosed) return opened.terminate()
    socket = opened
    opened.setNoDelay(true)
    opened.setKeepAlive(true, KEEP_ALIVE_MS)
    onOpen()
  }
  const handlers = {
    open,
    data: (_: Socket, bytes: Buffer) => onBytes(bytes),
    drain: flush,
    close: (_: Socket, error?: Error) => onEnd(error ?? ended()),
    error: (_: Socket, error: Error) => onEnd(error),
  }
  const connecting = async () => connect({ hostname: host, port, socket: handlers })
  connecting().catch(onEnd)
  return {
    write: (text) => {
      waiting.push(new TextEncoder().encode(text))
      if (waiting.length === 1) flush()
    },
    close: () => {
      isClosed = true
      socket?.terminate()
    },
  }
}
