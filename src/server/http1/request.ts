import { textOf, tooLarge } from '../body-text.ts'
import type { Evaluated } from '../server.ts'
import type { Fields, Head } from './head.ts'
import type { Incoming } from './incoming.ts'

/** A body in the bytes that it came with. */
type Part = { readonly bytes: Buffer; readonly from: number; readonly to: number }

/** A request that is all there. */
export class WholeRequest implements Evaluated {
  readonly at = performance.now()
  readonly method: string
  readonly url: string
  readonly headers: Fields
  readonly #bytes: Buffer
  readonly #from: number
  readonly #to: number

  constructor({ method, headers }: Head, url: string, { bytes, from, to }: Part) {
    this.method = method
    this.url = url
    this.headers = headers
    this.#bytes = bytes
    this.#from = from
    this.#to = to
  }

  /** Undefined where there is none. */
  get body(): Buffer | undefined {
    return this.#from < this.#to ? this.#bytes.subarray(this.#from, this.#to) : undefined
  }

  read(bytesMax: number): string | undefined {
    if (this.#to - this.#from > bytesMax) throw tooLarge()
    return textOf(this.#bytes, this.#from, this.#to)
  }
}

/** A request whose body is still to come. */
export class LateRequest implements Evaluated {
  readonly at = performance.now()
  readonly method: string
  readonly url: string
  readonly headers: Fields
  readonly body: ReadableStream<Uint8Array>

  constructor({ method, headers }: Head, url: string, incoming: Incoming) {
    this.method = method
    this.url = url
    this.headers = headers
    this.body = incoming.stream
  }

  async read(bytesMax: number): Promise<string | undefined> {
    const pieces: Uint8Array[] = []
    let size = 0
    for await (const piece of this.body) {
      size += piece.byteLength
      if (size > bytesMax) throw tooLarge()
      pieces.push(piece)
    }
    return textOf(Buffer.concat(pieces))
  }
}
