import { randomBytes } from 'node:crypto'
import type { Context } from 'hono'

/** `traceparent` of W3C Trace Context, level 1: version, trace id, parent id, flags. */
const TRACEPARENT = /^[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]([\da-f])$/
const VARIABLE = 'traceId'

/** The trace a request belongs to: the caller's, or one of its own. Made when first asked for: most answers never need it. */
export function traceIdOf(c: Context): string {
  const known: unknown = c.get(VARIABLE)
  if (typeof known === 'string') return known
  const traceId = TRACEPARENT.exec(c.req.header('traceparent') ?? '')?.[1] ?? randomBytes(16).toString('hex')
  c.set(VARIABLE, traceId)
  return traceId
}

/** The caller's trace when the caller keeps it (the flag "sampled"): of others nobody has more to show. */
export function sampledTraceIdOf(headers: Headers): string | undefined {
  const header = headers.get('traceparent')
  if (header === null) return undefined
  const [, traceId, flags = ''] = TRACEPARENT.exec(header) ?? []
  return Number.parseInt(flags, 16) % 2 === 1 ? traceId : undefined
}
