import { type Decoder, decoderOf } from './body.ts'
import type { Length } from './head.ts'

/** What a client may be let send although nobody wants it: less than a new connection costs it. */
const SHORT_BYTES_MAX = 65_536

/** A body that is read while it comes, no faster than somebody reads it. */
export class Incoming {
  readonly stream: ReadableStream<Uint8Array>
  readonly #decoder: Decoder
  readonly #length: Length
  #hasFailed = false
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined

  /** `resume` is called when there is room again. */
  constructor(length: Length, bytesMax: number, resume: () => void) {
    this.#length = length
    this.#decoder = decoderOf(length, bytesMax)
    this.stream = new ReadableStream({
      start: (controller) => {
        this.#controller = controller
      },
      pull: resume,
      cancel: () => {
        this.#controller = undefined
        resume()
      },
    })
  }

  /** True once all of it has come. */
  get isDone(): boolean {
    return this.#decoder.isDone
  }

  get hasFailed(): boolean {
    return this.#hasFailed
  }

  /** True while nobody takes what has come. */
  get isFull(): boolean {
    return this.#controller !== undefined && (this.#controller.desiredSize ?? 0) <= 0
  }

  /** Whether the rest of it may as well come, so that the connection can go on. */
  get isShort(): boolean {
    return !this.#hasFailed && this.#length !== 'chunked' && this.#length <= SHORT_BYTES_MAX
  }

  /** Returns how many of these bytes were read. What cannot be understood is told to who reads the body, and nothing after it is looked at. */
  read(bytes: Buffer): number {
    if (this.#hasFailed) return bytes.byteLength
    try {
      const count = this.#decoder.read(bytes, (some) => this.#controller?.enqueue(some))
      if (this.isDone) this.#take()?.close()
      return count
    } catch (error) {
      this.fail(error)
      return bytes.byteLength
    }
  }

  /** No more of it will come, for this reason. */
  fail(error: unknown): void {
    this.#hasFailed = true
    this.#take()?.error(error)
  }

  /** Nobody reads it any more. */
  ignore(): void {
    this.#take()?.error(new Error('The request was answered'))
  }

  #take(): ReadableStreamDefaultController<Uint8Array> | undefined {
    const controller = this.#controller
    this.#controller = undefined
    return controller
  }
}
