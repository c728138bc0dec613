import type { BunSocket, Ears } from '../bun-socket.ts'
import type { Listener, Socket } from './socket.ts'

/** One of Bun's sockets. */
export class SocketOnBun implements Socket, Ears {
  readonly #socket: BunSocket
  #listener: Listener | undefined
  #unsent: Buffer | undefined
  #isOpen = true
  #isLast = false
  #emptying: PromiseWithResolvers<void> | undefined

  constructor(socket: BunSocket) {
    this.#socket = socket
  }

  heardBy(listener: Listener): void {
    this.#listener = listener
    this.#socket.data = this
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get isFull(): boolean {
    return this.#unsent !== undefined
  }

  write(what: string | Buffer): void {
    if (!this.#isOpen) return
    if (this.#unsent) this.#unsent = Buffer.concat([this.#unsent, bytesOf(what)])
    else this.#send(what)
  }

  async emptied(): Promise<void> {
    if (!this.#unsent) return
    this.#emptying ??= Promise.withResolvers()
    await this.#emptying.promise
  }

  end(): void {
    this.#isLast = true
    if (!this.#unsent && this.#isOpen) this.#socket.shutdown()
  }

  cut(): void {
    if (this.#isOpen) this.#socket.end()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  onBytes(bytes: Buffer | null): void {
    if (bytes) this.#listener?.onBytes(bytes)
    else this.#listener?.onEnd()
  }

  onDrain(): void {
    const unsent = this.#unsent
    this.#unsent = undefined
    if (unsent) this.#send(unsent)
    if (this.#unsent) return
    if (this.#isLast && this.#isOpen) this.#socket.shutdown()
    this.#wake()
  }

  /** Of the connection, both halves. */
  onEnd(): void {
    this.#isOpen = false
    this.#unsent = undefined
    this.#wake()
    this.#listener?.onClose()
  }

  #wake(): void {
    this.#emptying?.resolve()
    this.#emptying = undefined
  }

  #send(what: string | Buffer): void {
    const taken = this.#socket.write(what)
    if (taken >= 0 && taken < Buffer.byteLength(what)) this.#unsent = bytesOf(what).subarray(taken)
  }
}

const bytesOf = (what: string | Buffer): Buffer => (typeof what === 'string' ? Buffer.from(what) : what)
