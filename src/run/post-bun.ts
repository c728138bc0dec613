import { setTimeout as pause } from 'node:timers/promises'

/** How a collector is asked, as OpenTelemetry's variables say. */
export type Collector = {
  readonly url: string
  readonly headers: () => Promise<Record<string, string>>
  readonly compression: string
  readonly timeoutMillis: number
}

/** Upon which a collector wants to be asked again (https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes). */
const RETRYABLE = new Set([429, 502, 503, 504])
const RETRY_MS = 1_000
/** What OpenTelemetry's exporters read of an answer. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024
const NOTHING = new Uint8Array()

/** Whether Bun's fetch does here what its node:http does, which heeds no proxy. */
export const canPost = ({ url, compression }: Collector, isProxied: boolean): boolean =>
  'Bun' in globalThis && url.startsWith('http:') && compression === 'none' && !isProxied

/**
 * Hands a request to a collector by Bun's fetch, and returns what that says to it. Undefined: it was not taken, and it is time to ask again.
 * Rejects when the collector will not take it, or does not answer in time.
 */
export async function posted(body: Uint8Array<ArrayBuffer>, collector: Collector): Promise<Uint8Array | undefined> {
  const { url, headers, timeoutMillis } = collector
  const signal = AbortSignal.timeout(timeoutMillis)
  let response: Response
  try {
    response = await fetch(url, { method: 'POST', headers: await headers(), body, signal, redirect: 'manual' })
  } catch (error) {
    if (signal.aborted) throw error
    return undefined
  }
  const answer = await bytesOf(response).catch(() => NOTHING) // the head says what became of the request
  if (response.ok) return answer
  const pauseMs = retryMsOf(response)
  if (!RETRYABLE.has(response.status) || pauseMs > timeoutMillis)
    throw new Error(`The collector answers ${response.status}`)
  await pause(pauseMs)
  return undefined
}

/** When the collector wants to be asked again. */
function retryMsOf({ headers }: Response): number {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return seconds >= 0 ? seconds * 1_000 : RETRY_MS
}

async function bytesOf({ body }: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength
    if (bytes > ANSWER_BYTES_MAX) return NOTHING
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
