import { connectOnDemand } from './connection.ts'
import type { RedisServer, Send } from './redis-client.ts'
import type { UpstashAddress } from './upstash.ts'

export type RedisAddress = RedisServer | UpstashAddress
export type RedisConnection = {
  readonly send: Send
  /** Drops the connection: after a freeze its other end may be gone. */
  reset(): void
  close(): Promise<void>
}

/** No command takes longer, whatever happens to the network: then it fails, and what it was for is done without Redis. */
const COMMAND_MS = 800

/**
 * Opens Redis; nothing is sent and nothing connected before the first command. `traceparent` is that of the span at work, which goes where
 * there are headers for it.
 */
export function openRedis(
  address: RedisAddress,
  traceparent: () => string | undefined = () => undefined,
): RedisConnection {
  if ('host' in address) {
    const { send, reset } = connectOnDemand(address, COMMAND_MS)
    return { send, reset, close: async () => reset() }
  }
  let opened: Promise<Send> | undefined
  const open = async () => (await import('./upstash.ts')).openUpstash(address, COMMAND_MS, traceparent)
  const send: Send = async (command) => {
    opened ??= open()
    return (await opened)(command)
  }
  return { send, reset: () => undefined, close: async () => undefined }
}
