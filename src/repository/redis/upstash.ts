import { Redis } from '@upstash/redis'
import type { SendCommand, UpstashAddress } from './address.ts'
import type { ChannelSubscription } from './subscribe.ts'

const CONNECT_MS = 2_000
/** Upstash ends streams without an error, as a broken connection does: a silent stream is replaced. */
const SILENCE_MS = 120_000
/** Invalidations are short; a longer line ends the subscription. */
const LINE_LENGTH_MAX = 16_384

/** Sends commands to Upstash's REST interface; each ends after `commandMs`. */
export function openUpstash(
  { restUrl, restToken }: UpstashAddress,
  commandMs: number,
  traceparent: () => string | undefined,
): SendCommand {
  const redis = new Redis({
    url: restUrl,
    token: restToken,
    enableTelemetry: false,
    automaticDeserialization: false,
    retry: false, // after a lost response the command may have run: the caller decides
    signal: () => AbortSignal.timeout(commandMs), // a function, because the client treats the abort of a plain signal as a result
  })
  redis.use((request, next) => {
    const span = traceparent()
    return next(span === undefined ? request : { ...request, headers: { ...request.headers, traceparent: span } })
  })
  return ([command = '', ...words]) => redis.exec([command, ...words])
}

/** Upstash's REST interface delivers a subscription as server-sent events: `data: message,<channel>,<text>`. */
export async function subscribeToUpstash(
  { restUrl, restToken }: UpstashAddress,
  { channel, signal, onReady, onMessage }: ChannelSubscription,
): Promise<void> {
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(), CONNECT_MS)
  const onLine = () => {
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
      onLine()
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
