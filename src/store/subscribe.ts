import type { RedisAddress } from './redis.ts'
import { tlsOf } from './redis-tls.ts'

/** One subscription, from its beginning to its end. */
export type Subscription = {
  readonly channel: string
  readonly signal: AbortSignal
  /** From now on nothing is missed, until it ends. */
  readonly onReady: () => void
  readonly onMessage: (message: string) => void
}

const CONNECT_MS = 2_000
/** A plain Redis is asked this often whether it is still there, and given up when it says nothing for three times as long. */
const PING_MS = 10_000
/** Upstash ends its streams without a word, and a dead connection says nothing either: a silent one is made anew. */
const SILENCE_MS = 120_000
/** Hints are short; a line that is longer is no hint and ends the subscription. */
const LINE_LENGTH_MAX = 16_384

/**
 * Listens to one channel on a connection of its own. Resolves when the other end ends it or `signal` aborts, rejects when it
 * breaks; it does not come back by itself.
 */
export function subscribe(address: RedisAddress, subscription: Subscription): Promise<void> {
  return 'url' in address ? overRedis(address.url, subscription) : overRest(address, subscription)
}

async function overRedis(url: string, { channel, signal, onReady, onMessage }: Subscription): Promise<void> {
  const { createClient } = await import('@redis/client') // large, and for streams alone
  const client = createClient({
    url,
    RESP: 2,
    disableOfflineQueue: true,
    disableClientInfo: true,
    pingInterval: PING_MS,
    socket: { connectTimeout: CONNECT_MS, socketTimeout: 3 * PING_MS, reconnectStrategy: false, ...tlsOf(url) },
  })
  const ended = Promise.withResolvers<void>()
  const stop = () => ended.resolve()
  client.on('error', ended.reject)
  client.on('end', stop)
  signal.addEventListener('abort', stop)
  try {
    await within(CONNECT_MS, Promise.race([ended.promise, client.connect()]))
    if (!client.isReady) return
    await within(CONNECT_MS, Promise.race([ended.promise, client.subscribe(channel, onMessage)]))
    onReady()
    await ended.promise
  } finally {
    signal.removeEventListener('abort', stop)
    try {
      client.destroy()
    } catch {
      // It was closed already, and says so once its timers are cleared.
    }
  }
}

/** Upstash's REST interface sends a subscription as server-sent events: `data: message,<channel>,<text>`. */
async function overRest(
  { restUrl, restToken }: { restUrl: string; restToken: string },
  { channel, signal, onReady, onMessage }: Subscription,
): Promise<void> {
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(), CONNECT_MS)
  const heard = () => {
    clearTimeout(timer)
    timer = setTimeout(() => silence.abort(), SILENCE_MS)
  }
  try {
    const response = await fetch(`${restUrl.replace(/\/$/, '')}/subscribe/${channel}`, {
      headers: { authorization: `Bearer ${restToken}`, accept: 'text/event-stream' },
      signal: AbortSignal.any([signal, silence.signal]),
    })
    if (!response.ok || !response.body) throw new Error(`Cannot subscribe: Redis answered ${response.status}`)
    const prefix = `data: message,${channel},`
    for await (const line of linesOf(response.body)) {
      heard()
      if (line.startsWith('data: subscribe,')) onReady()
      else if (line.startsWith(prefix)) onMessage(line.slice(prefix.length))
    }
  } catch (cause) {
    if (!signal.aborted && !silence.signal.aborted) throw cause
  } finally {
    clearTimeout(timer)
  }
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LINE_LENGTH_MAX) throw new Error('Cannot read a subscription: a line is too long')
    for (const line of lines) yield line.trimEnd()
  }
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`Redis did not answer in ${ms} ms`)), ms)
  try {
    await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
