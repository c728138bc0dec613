import { readText } from './json-body.ts'

/** Names are in lower case. */
export type Header = { get(name: string): string | null }

/** What an evaluation reads of a request, whoever received it. */
export type Asked = {
  readonly method: string
  /** Absolute. */
  readonly url: string
  readonly headers: Header
  /** The body of at most `bytesMax` bytes, undefined for what is no UTF-8. Rejects with `too_large`, or with `invalid` when the client goes away. */
  read(bytesMax: number): Promise<string | undefined>
}

/** Headers made once for many answers, in both forms in which they are handed over: to copy the second takes Bun half the time. */
export type Head = { readonly record: Readonly<Record<string, string>>; readonly headers: Headers }

/** An answer before it is made into what the server takes. */
export type Reply = {
  readonly status: number
  readonly head: Head
  /** Headers of this answer alone. */
  readonly own?: Readonly<Record<string, string>> | undefined
  readonly body: string | null
}

/** Makes a head; its second form only where it is asked for, since to make it Node loads all of fetch. */
export function headOf(record: Readonly<Record<string, string>>): Head {
  let headers: Headers | undefined
  return {
    record,
    get headers() {
      headers ??= new Headers(record)
      return headers
    },
  }
}

/** A web request as an evaluation reads it. */
export function askedBy(request: Request): Asked {
  const { method, url, headers } = request
  return { method, url, headers, read: (bytesMax) => readText(request, bytesMax) }
}

/** The web response of a reply. */
export function responseOf({ status, head, own, body }: Reply): Response {
  const response = new Response(body, { status, headers: head.headers })
  for (const name in own) response.headers.set(name, own[name] ?? '')
  return response
}
