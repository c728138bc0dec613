import { createClient } from '@redis/client'
import { type RedisServer, serverNameOf } from './address.ts'

/** A subscription to one channel. */
export type ChannelSubscription = {
  readonly channel: string
  readonly signal: AbortSignal
  /** Called when the subscription starts: until it ends, no message is lost. */
  readonly onReady: () => void
  readonly onMessage: (message: string) => void
}

const CONNECT_MS = 2_000
/** Interval of pings. The connection is closed after three intervals without data. */
const PING_MS = 10_000

/** Subscribes to a channel of a Redis server; see `subscribeToChannel()`. */
export async function subscribeToRedis(
  server: RedisServer,
  { channel, signal, onReady, onMessage }: ChannelSubscription,
): Promise<void> {
  const client = createClient({
    ...credentialsOf(server),
    database: server.database,
    RESP: 2,
    disableOfflineQueue: true,
    disableClientInfo: true,
    pingInterval: PING_MS,
    socket: { ...socketOf(server), connectTimeout: CONNECT_MS, socketTimeout: 3 * PING_MS, reconnectStrategy: false },
  })
  const ended = Promise.withResolvers<void>()
  const take = (message: string) => {
    try {
      onMessage(message)
    } catch (error) {
      ended.reject(error) // an exception in a socket's handler would end the process
    }
  }
  const stop = () => ended.resolve()
  client.on('error', ended.reject)
  client.on('end', stop)
  signal.addEventListener('abort', stop)
  try {
    await within(CONNECT_MS, Promise.race([ended.promise, client.connect()]))
    if (!client.isReady) return
    await within(CONNECT_MS, Promise.race([ended.promise, client.subscribe(channel, take)]))
    onReady()
    await ended.promise
  } finally {
    signal.removeEventListener('abort', stop)
    try {
      client.destroy()
    } catch {
      // Already closed; its timers are cleared.
    }
  }
}

const credentialsOf = ({ user, password }: RedisServer) => ({
  ...(user === undefined ? {} : { username: user }),
  ...(user === undefined && password === undefined ? {} : { password: password ?? '' }),
})

const socketOf = ({ host, port, tls }: RedisServer) =>
  tls ? { host, port, tls: true as const, ...serverNameOf(host) } : { host, port }

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`Redis did not answer in ${ms} ms`)), ms)
  try {
    await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
