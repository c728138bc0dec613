/** How long clients may take, in milliseconds. */
export type Times = {
  /** To say the first byte: browsers and proxies open connections ahead. */
  readonly silentMs: number
  /** To shake hands and to send the headers: who takes longer is no client. */
  readonly headersMs: number
  /** To send a whole request. */
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
export const HEADER_BYTES_MAX = 32 * 1024
