import type { BunSocket } from '../bun-socket.ts'

/** What is sent on a connection: at once as far as the client takes it, the rest as soon as it does. */
export class Outlet {
  readonly #socket: BunSocket
  #unsent: Buffer | undefined
  #fullSince = Number.POSITIVE_INFINITY
  #isOpen = true
  #isLast = false
  #wake: (() => void) | undefined

  constructor(socket: BunSocket) {
    this.#socket = socket
  }

  /** False once nothing more can be sent. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** True while the client takes no more. */
  get isFull(): boolean {
    return this.#unsent !== undefined
  }

  /** When the client last took something, of those that have more to take; in milliseconds of the monotonic clock. */
  get fullSince(): number {
    return this.#unsent ? this.#fullSince : Number.POSITIVE_INFINITY
  }

  /** Texts are written as UTF-8. */
  write(what: string | Buffer): void {
    if (!this.#isOpen) return
    if (this.#unsent) {
      this.#unsent = Buffer.concat([this.#unsent, bytesOf(what)])
      return
    }
    const taken = this.#socket.write(what)
    if (taken < 0) this.close()
    else if (taken < Buffer.byteLength(what)) this.#wait(bytesOf(what).subarray(taken))
  }

  #wait(unsent: Buffer): void {
    this.#unsent = unsent
    this.#fullSince = performance.now()
  }

  /** Resolves when the client has taken all, or is gone. */
  async emptied(): Promise<void> {
    while (this.#unsent && this.#isOpen)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
  }

  /** Ends our half, after all that was written. */
  end(): void {
    this.#isLast = true
    if (!this.#unsent && this.#isOpen) this.#socket.shutdown()
  }

  /** The client takes again. */
  drain(): void {
    const bytes = this.#unsent
    this.#unsent = undefined
    if (bytes) this.write(bytes)
    if (this.#unsent) return
    if (this.#isLast && this.#isOpen) this.#socket.shutdown()
    this.#wake?.()
  }

  /** The connection is gone. */
  close(): void {
    this.#isOpen = false
    this.#unsent = undefined
    this.#wake?.()
  }
}

const bytesOf = (what: string | Buffer): Buffer => (typeof what === 'string' ? Buffer.from(what) : what)
