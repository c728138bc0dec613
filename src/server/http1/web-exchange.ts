import type { Fetch } from '../server.ts'
import { type Head, Malformed } from './head.ts'
import { respond } from './respond.ts'
import type { Socket } from './socket.ts'

/** Methods whose web requests have no body. */
const BODILESS = new Set(['GET', 'HEAD'])

/** Why a request breaks off. */
export const GONE = new Error('The client is gone')

export type Content = {
  readonly url: string
  readonly body: Buffer | ReadableStream<Uint8Array> | undefined
}

/** A request and its answer as web objects. */
export class WebExchange {
  readonly #head: Head
  readonly #socket: Socket
  readonly #gone = new AbortController()
  readonly #request: Request
  #isStreaming = false
  #hasHungUp = false

  /** Throws `Malformed` where there can be no such web request. */
  constructor(head: Head, { url, body }: Content, socket: Socket) {
    this.#head = head
    this.#socket = socket
    const init = { method: head.method, headers: [...head.headers], signal: this.#gone.signal }
    const hasBody = body !== undefined && !BODILESS.has(head.method)
    this.#request = requestOf(url, hasBody ? { ...init, body, duplex: 'half' } : init)
  }

  /** Resolves with whether the connection goes on; rejects when the answer breaks off. `isLast` is asked when its head is written. */
  async answer(fetch: Fetch, isLast: () => boolean): Promise<boolean> {
    const { method, isOld } = this.#head
    const response = await this.#fetched(fetch)
    const asker = { method, isOld, isLast, gone: this.#gone.signal, streams: () => this.#streams() }
    const goesOn = await respond(response, asker, this.#socket)
    await this.#socket.emptied()
    return goesOn
  }

  /** The client sends no more: one that has not got its answer may still wait for it, one that hears a stream is gone. */
  hangUp(): void {
    this.#hasHungUp = true
    if (this.#isStreaming) this.leave()
  }

  /** The client is gone. */
  leave(): void {
    this.#gone.abort(GONE)
  }

  async #fetched(fetch: Fetch): Promise<Response> {
    try {
      return await fetch(this.#request)
    } catch (error) {
      if (error instanceof Malformed) return new Response(error.message, { status: error.status })
      if (error !== GONE) process.emitWarning(error instanceof Error ? error : String(error))
      return new Response('Internal error', { status: 500, headers: { connection: 'close' } })
    }
  }

  #streams(): void {
    this.#isStreaming = true
    if (this.#hasHungUp) this.leave()
  }
}

/** Bun makes a GET of a method that it does not know. */
function requestOf(url: string, init: RequestInit): Request {
  let request: Request
  try {
    request = new Request(url, init)
  } catch {
    throw new Malformed(400, 'Cannot read the address')
  }
  if (request.method !== init.method) throw new Malformed(501, 'There is no such method')
  return request
}
