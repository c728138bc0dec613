import type { RedisAddress } from './redis.ts'
import type { RedisServer } from './redis-client.ts'
import type { Subscription } from './subscribe-redis.ts'

const CONNECT_MS = 2_000
/** Upstash ends its streams without a word, and a dead connection says nothing either: a silent one is made anew. */
const SILENCE_MS = 120_000
/** Invalidations are short; a line that is longer is no hint and ends the subscription. */
const LINE_LENGTH_MAX = 16_384

/**
 * Listens to one channel on a connection of its own. Resolves when the other end ends it or `signal` aborts, rejects when it
 * breaks; it does not come back by itself.
 */
export function subscribe(address: RedisAddress, subscription: Subscription): Promise<void> {
  return 'host' in address ? overRedis(address, subscription) : overRest(address, subscription)
}

/** Loaded when somebody listens: its client takes longer to load than the rest of a start. */
const overRedis = async (server: RedisServer, subscription: Subscription): Promise<void> =>
  (await import('./subscribe-redis.ts')).overRedis(server, subscription)

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
    const response = await fetch(`${restUrl}/subscribe/${channel}`, {
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
