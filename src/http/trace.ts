import { randomBytes } from 'node:crypto'
import type { Context } from 'hono'

/** `traceparent` of W3C Trace Context, level 1: version, trace id, parent id, flags. */
const TRACEPARENT = /^[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}$/
const VARIABLE = 'traceId'

/** The trace a request belongs to: the caller's, or one of its own. Made when first asked for: most answers never need it. */
export function traceIdOf(c: Context): string {
  const known: unknown = c.get(VARIABLE)
  if (typeof known === 'string') return known
  const traceId = TRACEPARENT.exec(c.req.header('traceparent') ?? '')?.[1] ?? randomBytes(16).toString('hex')
  c.set(VARIABLE, traceId)
  return traceId
}
