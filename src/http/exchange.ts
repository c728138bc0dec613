import { isWhole, readText } from './json-body.ts'

/** Names are in lower case. */
export type Header = { get(name: string): string | null }

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
  /** False where what was read is no UTF-8 after all: looked at later, since a promise for it would cost more than all of reading. */
  isWhole(text: string): boolean
}

/**
 * Headers made once for many answers, in both forms in which they are handed over: a response like `model` takes Bun half the time of
 * one with fields, and three quarters of one with headers.
 */
export type Head = { readonly record: Readonly<Record<string, string>>; readonly model: Response }

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

/** Makes a head; its second form only where it is asked for, since to make it Node loads all of fetch. */
export function headOf(record: Readonly<Record<string, string>>): Head {
  let model: Response | undefined
  return {
    record,
    get model() {
      model ??= new Response(null, { headers: record })
      return model
    },
  }
}

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

  isWhole(text: string): boolean {
    return isWhole(text, this.#request)
  }
}

/** The web response of a reply. */
export function responseOf({ status, head: { model }, own, body }: Reply): Response {
  const response = new Response(body, status === model.status ? model : { status, headers: model.headers })
  for (const name in own) response.headers.set(name, own[name] ?? '')
  return response
}
