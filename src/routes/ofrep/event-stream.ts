import { type Context as Call, Hono } from 'hono'
import type { Authenticate } from '../../cache/authenticator.ts'
import { flagSetIdFor, parseSelector } from '../../cache/selector.ts'
import { FlagError } from '../../flag/error.ts'
import { answered, receiveRequest } from '../../middleware/tracing.ts'
import { contextIn } from '../../telemetry/trace-context.ts'
import { type Tracer, untraced } from '../../telemetry/tracer.ts'
import { selectorAfter } from '../paths.ts'
import { isStreamToken, STREAM_PATH } from './stream-token.ts'
import type { Streams } from './streams.ts'

export type EventDependencies = {
  readonly authenticate: Authenticate
  readonly streams: Streams
  readonly tracer?: Tracer | undefined
  readonly streamSecret: () => Buffer | Promise<Buffer>
  /** Where a caller goes that is bound to no environment and names none. */
  readonly defaultFlagSetId: string | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Never compressed, and never held back by a proxy: an event is worth nothing later. */
const HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' }
const TOKEN_LENGTH_MAX = 128
const ROUTE = `${STREAM_PATH}*`

/** True for the requests that this door traces itself: until their stream ends. */
export const isStream = ({ req }: Call): boolean => req.path.startsWith(STREAM_PATH)

/**
 * `GET /ofrep/v1/sse/{selector}`: one `refetchEvaluation` for each new revision of an environment (OFREP ADR-0008). Written by hand
 * instead of with Hono's `streamSSE`, which sets `Transfer-Encoding`; HTTP/2 forbids that header and Node ends the process over
 * it (honojs/hono#4041).
 */
export function events(dependencies: EventDependencies): Hono {
  return new Hono().get(ROUTE, async (c) => {
    const { raw } = c.req
    const span = receiveRequest(dependencies.tracer ?? untraced, contextIn(raw.headers), ROUTE, raw)
    try {
      const flagSetId = await admit(dependencies, c)
      const body = await dependencies.streams.open(flagSetId, {
        lastEventId: c.req.header('last-event-id') ?? null,
        span,
      })
      const answer = new Response(body, { headers: HEADERS })
      if (span) answered(span, answer)
      return answer
    } catch (error) {
      span?.fail(error instanceof FlagError ? error.code : 'Error').end()
      throw error
    }
  })
}

/** The environment that the caller may listen to, by the token in the address or by a key. */
async function admit(
  { authenticate, streamSecret, defaultFlagSetId, now }: EventDependencies,
  c: Call,
): Promise<string> {
  const selector = parseSelector(selectorAfter(STREAM_PATH, c.req.url))
  const token = c.req.query('token')
  if (token === undefined) return flagSetIdFor(await authenticate(c.req.raw.headers), selector, defaultFlagSetId)
  const flagSetId = flagSetIdFor({ environment: null }, selector, undefined)
  const secret = await streamSecret()
  if (token.length <= TOKEN_LENGTH_MAX && isStreamToken(token, { secret, flagSetId, nowMs: now() })) return flagSetId
  throw new FlagError('unauthenticated', 'The token is not valid; a bulk evaluation names the address of its stream')
}
