import { Redis } from '@upstash/redis'
import { openResp } from './resp.ts'

/** Where Redis is: a server that speaks its own protocol, or Upstash's REST interface. */
export type RedisAddress = { readonly url: string } | { readonly restUrl: string; readonly restToken: string }
export type RedisConnection = {
  readonly redis: Redis
  /** Drops the connection: after a freeze its other end may be gone. */
  reset(): void
  close(): Promise<void>
}

/** No command takes longer, whatever happens to the network: then it fails, and what it was for is done without Redis. */
const COMMAND_MS = 800

/**
 * Opens Redis behind one API; nothing is sent and nothing connected before the first command. `traceparent` is that of the span at work,
 * which goes where there are headers for it.
 */
export function openRedis(
  address: RedisAddress,
  traceparent: () => string | undefined = () => undefined,
): RedisConnection {
  if ('url' in address) {
    const { requester, reset } = openResp(address.url, COMMAND_MS)
    return { redis: new Redis(requester), reset, close: async () => reset() }
  }
  const redis = new Redis({
    url: address.restUrl,
    token: address.restToken,
    enableTelemetry: false,
    automaticDeserialization: false,
    retry: false, // a lost answer leaves open whether the command ran; who asks decides what then
    signal: () => AbortSignal.timeout(COMMAND_MS), // a function: with a plain signal the client takes an abort for a result
  })
  redis.use((request, next) => {
    const span = traceparent()
    return next(span === undefined ? request : { ...request, headers: { ...request.headers, traceparent: span } })
  })
  return { redis, reset: () => undefined, close: async () => undefined }
}
