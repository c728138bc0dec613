import { Redis } from '@upstash/redis'
import type { Send } from './redis-client.ts'

export type UpstashAddress = { readonly restUrl: string; readonly restToken: string }

/** Sends commands over Upstash's REST interface; each ends after `commandMs`. */
export function openUpstash(
  { restUrl, restToken }: UpstashAddress,
  commandMs: number,
  traceparent: () => string | undefined,
): Send {
  const redis = new Redis({
    url: restUrl,
    token: restToken,
    enableTelemetry: false,
    automaticDeserialization: false,
    retry: false, // a lost answer leaves open whether the command ran; who asks decides what then
    signal: () => AbortSignal.timeout(commandMs), // a function: with a plain signal the client takes an abort for a result
  })
  redis.use((request, next) => {
    const span = traceparent()
    return next(span === undefined ? request : { ...request, headers: { ...request.headers, traceparent: span } })
  })
  return ([command = '', ...words]) => redis.exec([command, ...words])
}
