import type { Socket as NodeSocket } from 'node:net'
import type { Listener, Socket } from './socket.ts'

/** One of Node's sockets. */
export class SocketOnNode implements Socket {
  readonly #socket: NodeSocket
  readonly #onData = (bytes: Buffer): void => this.#listener?.onBytes(bytes)
  readonly #onEnd = (): void => this.#listener?.onEnd()
  readonly #onClose = (): void => this.#listener?.onClose()
  #listener: Listener | undefined

  constructor(socket: NodeSocket) {
    this.#socket = socket
  }

  heardBy(listener: Listener): void {
    this.#listener = listener
    this.#socket.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose).on('error', ignore)
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed
  }

  get isFull(): boolean {
    return this.#socket.writableLength > 0 && this.isOpen
  }

  write(what: string | Buffer): void {
    if (!this.isOpen) return
    if (typeof what === 'string' && Buffer.byteLength(what) === what.length) this.#socket.write(what, 'latin1')
    else this.#socket.write(what)
  }

  emptied(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.isFull) resolve()
      else if (this.#socket.writableEnded) this.#socket.once('finish', resolve).once('close', resolve)
      else this.#socket.write('', () => resolve())
    })
  }

  end(): void {
    this.#socket.end()
  }

  cut(): void {
    this.#socket.destroy()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Lets somebody else have the connection, from these bytes on. */
  handTo(serve: (socket: NodeSocket) => void, bytes: Buffer | undefined): void {
    const socket = this.#socket
    socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose).off('error', ignore).pause()
    if (bytes) socket.unshift(bytes)
    serve(socket)
    socket.resume()
  }
}

/** Of a client that is gone: its end is heard as well. */
const ignore = (): void => undefined
