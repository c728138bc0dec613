import type { TakeStream } from '../grpc/server.ts'

/** `env`: what the runtime's server passes beside the request, by which `clientAddress()` finds the connection. */
export type Fetch = (request: Request, env?: unknown) => Response | Promise<Response>

/** How long clients may take, in milliseconds. `Bun.serve` has limits of its own for heads (docs/operations/deploy.md). */
export type Times = {
  /** Until the first byte: browsers and proxies open connections ahead. */
  readonly silentMs: number
  /** For the TLS handshake and the head of a request. */
  readonly headersMs: number
  /** For a whole request. */
  readonly requestMs: number
  /** Between requests. */
  readonly keepAliveMs: number
}

export const TIMES: Times = {
  silentMs: 60_000,
  headersMs: 10_000,
  requestMs: 30_000,
  // Longer than the idle time of any proxy in front (Knative's queue-proxy 90 s, Google's load balancer 600 s): the proxy closes first.
  keepAliveMs: 620_000,
}
/** On Node, and for HTTP/2 on both runtimes. */
export const HEADER_BYTES_MAX = 32 * 1024

/** PEM texts. */
export type Tls = { readonly cert: string; readonly key: string }
export type ListenOptions = {
  readonly fetch: Fetch
  /** Native gRPC: is offered each HTTP/2 stream before `fetch`. Undefined: none, and on Bun no HTTP/2. */
  readonly takeStream?: TakeStream | undefined
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Where HTTP/2 is served beside `port`. Undefined: on Node nowhere, on Bun at the next. */
  readonly grpcPort?: number | undefined
  /** Undefined: cleartext, with HTTP/2 by prior knowledge. */
  readonly tls?: Tls | undefined
  /** On Bun, whose server reads bodies ahead; handlers limit what they read themselves. */
  readonly bodyBytesMax: number
  /** The variable that sets `port`, for errors. By default PORT. */
  readonly variable?: 'PORT' | 'METRICS_PORT'
  /** By default `TIMES`. */
  readonly times?: Times
}
export type Server = {
  /** The port in use. */
  readonly port: number
  /** Where gRPC is served; undefined: nowhere. */
  readonly grpcPort: number | undefined
  /** From now on each response over HTTP/1.1 says `Connection: close`. New requests are still served. */
  announceEnd(): void
  /**
   * Stops accepting, lets open requests finish, closes idle connections and resolves when the last connection is gone. Destroys those
   * that are left when `late` aborts: one client that never ends must not delay the next steps.
   */
  close(late?: AbortSignal): Promise<void>
}
