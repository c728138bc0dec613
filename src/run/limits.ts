/** Longer than the idle time of any proxy in front (Knative's queue-proxy 90 s, Google's load balancer 600 s): the proxy closes first. */
export const KEEP_ALIVE_MS = 620_000
/** A client that takes longer to send its headers, or its request, is not one. */
export const HEADERS_MS = 10_000
export const REQUEST_MS = 30_000
export const HEADER_BYTES_MAX = 32 * 1024
