import { readText } from '../../middleware/body-limit.ts'
import type { Header } from '../../telemetry/trace-context.ts'

/** What an evaluation reads of a request, whoever received it. */
export type Asked = {
  /** When it came, in milliseconds of the monotonic clock. */
  readonly at: number
  readonly method: string
  /** Absolute. */
  readonly url: string
  readonly headers: Header
  /**
   * The body of at most `bytesMax` bytes, undefined for what is no UTF-8. Throws or rejects with `too_large`, and with whatever the
   * runtime says when the client goes away.
   */
  read(bytesMax: number): string | undefined | Promise<string | undefined>
}

/** Headers made once for many answers. */
export type Head = Readonly<Record<string, string>>

/** An answer before it is made into what the server takes. */
export type Reply = {
  readonly status: number
  readonly head: Head
  /** Headers of this answer alone. */
  readonly own?: Readonly<Record<string, string>> | undefined
  readonly body: string | null
}

/** What becomes of a reply; `to` is what the server answers with, if there is such a thing. */
export type Send<To, Sent> = (reply: Reply, to: To) => Sent | Promise<Sent>

/** A web request as an evaluation reads it. */
export const askedBy = (request: Request): Asked => new WebAsked(request)

class WebAsked implements Asked {
  readonly at = performance.now()
  readonly method: string
  readonly url: string
  readonly headers: Headers
  readonly #request: Request

  constructor(request: Request) {
    this.method = request.method
    this.url = request.url
    this.headers = request.headers
    this.#request = request
  }

  read(bytesMax: number): Promise<string | undefined> {
    return readText(this.#request, bytesMax)
  }
}

/** The web response of a reply. */
export const responseOf = ({ status, head, own, body }: Reply): Response =>
  new Response(body, { status, headers: { ...head, ...own } })
