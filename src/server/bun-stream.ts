import { Duplex } from 'node:stream'
import type { BunSocket, Ears } from './bun-socket.ts'

/** One of Bun's sockets as a stream of Node's, which must be told what happens on the socket. */
export class BunStream extends Duplex implements Ears {
  readonly #socket: BunSocket
  #isOpen = true
  #isPaused = false
  #unsent: { readonly bytes: Uint8Array; readonly done: (error?: Error) => void } | undefined

  constructor(socket: BunSocket) {
    super({ allowHalfOpen: false })
    this.#socket = socket
    this.on('error', () => undefined) // of a client that is gone: whoever reads this hears of its end
  }

  onBytes(bytes: Buffer | null): void {
    if (this.push(bytes) || !bytes || !this.#isOpen) return
    this.#isPaused = true
    this.#socket.pause()
  }

  onDrain(): void {
    if (!this.#unsent) return
    const { bytes, done } = this.#unsent
    this.#unsent = undefined
    this.#send(bytes, done)
  }

  onEnd(error?: Error): void {
    this.#isOpen = false
    this.destroy(error)
  }

  override _read(): void {
    if (!this.#isPaused || !this.#isOpen) return
    this.#isPaused = false
    this.#socket.resume()
  }

  override _write(bytes: Uint8Array, _: BufferEncoding, done: (error?: Error) => void): void {
    this.#send(bytes, done)
  }

  override _final(done: () => void): void {
    // After the GOAWAY that HTTP/2 writes at the end of this turn.
    process.nextTick(() => {
      if (this.#isOpen) this.#socket.shutdown()
      done()
    })
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.#isOpen) this.#socket.end()
    this.#isOpen = false
    done(error)
  }

  #send(bytes: Uint8Array, done: (error?: Error) => void): void {
    const taken = this.#isOpen ? this.#socket.write(bytes) : -1
    if (taken < 0) done(new Error('The connection is closed'))
    else if (taken < bytes.byteLength) this.#unsent = { bytes: bytes.subarray(taken), done }
    else done()
  }
}
