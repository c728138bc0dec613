import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Times } from './limits.ts'

export type Fetch = (request: Request) => Response | Promise<Response>
/** What `evaluate` reads of a request. */
export type Evaluated = {
  /** When it came, in milliseconds of the monotonic clock: read once for all who ask. */
  readonly at: number
  readonly method: string
  /** Absolute. */
  readonly url: string
  readonly headers: { get(name: string): string | null }
  /** The whole body, undefined for what is no UTF-8; throws or rejects when it is larger, or when the client goes away. */
  read(bytesMax: number): string | undefined | Promise<string | undefined>
}
/** An answer that is no web object; `own` are headers beside those of the head. */
export type Reply = {
  readonly status: number
  /** The same object for many answers. */
  readonly head: Readonly<Record<string, string>>
  readonly own?: Readonly<Record<string, string>> | undefined
  readonly body: string | null
}
/** What becomes of a reply; `to` is what the runtime answers with, if there is such a thing. */
export type Send<To, Sent> = (reply: Reply, to: To) => Sent | Promise<Sent>
/** Answers what is asked most, with what `send` makes of its reply; undefined: it is for `fetch`. */
export type Evaluate<To, Sent> = (asked: Evaluated, to: To) => Promise<Sent> | undefined
/**
 * Is told once what becomes of replies: who looks at them on their way stands between, and adds neither a promise nor a function to each
 * request. `send` is called once for each, whatever happens.
 */
export type Evaluating = <To, Sent>(send: Send<To, Sent>) => Evaluate<To, Sent>
/** Takes one HTTP/2 stream if it is its to answer; false: it is untouched. */
export type TakeStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => boolean
/** What is known of a request that nobody has read: its address, whole or from the path on, and its headers. */
export type Asked = { readonly url: string; readonly header: (name: string) => string | null | undefined }
/** An answer as plain values. */
export type Refusal = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array<ArrayBuffer>
}
/** Answers a request instead of `fetch`; undefined: it is let in, and most often nobody asks what it is. */
export type Refuse = <From>(from: From, askedBy: (from: From) => Asked) => Refusal | undefined
/** PEM texts. */
export type Tls = { readonly cert: string; readonly key: string }
export type ListenOptions = {
  readonly fetch: Fetch
  /** What goes before `fetch`, and native gRPC not. Undefined: nothing is refused. */
  readonly refuse?: Refuse | undefined
  /** What goes before `fetch` on HTTP/1.1. */
  readonly evaluating?: Evaluating | undefined
  /** What goes before `fetch` on HTTP/2: native gRPC. Undefined: there is none, and on Bun no HTTP/2. */
  readonly takeStream?: TakeStream
  readonly host: string
  readonly port: number
  /** Where HTTP/2 is served beside `port`. Undefined: on Node nowhere, on Bun at the next. */
  readonly grpcPort?: number | undefined
  /** Undefined: cleartext, with HTTP/2 by prior knowledge. */
  readonly tls?: Tls | undefined
  readonly bodyBytesMax: number
  /** Undefined: those of a service. */
  readonly times?: Times
}
export type Server = {
  /** The port that was got: another than the one asked for when that was 0. */
  readonly port: number
  /** Where gRPC is served; undefined: nowhere. */
  readonly grpcPort: number | undefined
  /** Goes on serving, and tells whoever asks over HTTP/1.1 to ask on another connection the next time. */
  announceEnd(): void
  /**
   * Stops accepting, lets open requests finish, closes idle connections and resolves when the last connection is gone.
   * Cuts those that are left when `late` aborts: one client that never ends must not hold up what comes after.
   */
  close(late?: AbortSignal): Promise<void>
}
