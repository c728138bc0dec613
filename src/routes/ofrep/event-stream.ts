import type { Context as Call } from 'hono'
import type { Authenticate } from '../../cache/authenticator.ts'
import type { Principal } from '../../cache/key-set.ts'
import { flagSetIdFor, parseSelector } from '../../cache/selector.ts'
import { FlagError } from '../../flag/error.ts'
import { recordResponse, startRequestSpan } from '../../middleware/tracing.ts'
import { contextIn } from '../../telemetry/trace-context.ts'
import { type Tracer, untraced } from '../../telemetry/tracer.ts'
import { selectorAfter } from '../paths.ts'
import { isStreamToken, STREAM_PATH } from './stream-token.ts'
import type { Streams } from './streams.ts'

export type SseDependencies = {
  readonly authenticate: Authenticate
  readonly isUsable: (principal: Principal) => Promise<boolean>
  readonly streams: Streams
  readonly tracer?: Tracer | undefined
  readonly streamSecret: () => Buffer | Promise<Buffer>
  /** The environment of a key that is bound to none, where the request selects none. */
  readonly defaultFlagSetId: string | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Never compressed or buffered by a proxy: a late event is useless. */
export const STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
}
const TOKEN_LENGTH_MAX = 128
export const STREAM_ROUTE = `${STREAM_PATH}*`

/** True for requests whose handler records the span itself: until the stream ends. */
export const isEventStream = ({ req }: Call): boolean => req.path.startsWith(STREAM_PATH)

/**
 * `GET /ofrep/v1/sse/{selector}`: one `refetchEvaluation` for each new revision of an environment (OFREP ADR-0008). Not Hono's `streamSSE`,
 * which sets `Transfer-Encoding`: HTTP/2 forbids that header, and Node ends the process because of it (honojs/hono#4041).
 */
export function eventStream(dependencies: SseDependencies): (c: Call) => Promise<Response> {
  return async (c) => {
    const { raw } = c.req
    const span = startRequestSpan(dependencies.tracer ?? untraced, contextIn(raw.headers), STREAM_ROUTE, raw)
    try {
      const { flagSetId, isUsable } = await authorizedStream(dependencies, c)
      const lastEventId = c.req.header('last-event-id') ?? null
      const body = await dependencies.streams.open(flagSetId, { lastEventId, span, isUsable })
      const response = new Response(body, { headers: STREAM_HEADERS })
      if (span) recordResponse(span, response)
      return response
    } catch (error) {
      span?.fail(error instanceof FlagError ? error.code : 'Error').end()
      throw error
    }
  }
}

/** The environment that the caller may subscribe to, by the token in the URL or by its API key, which may be revoked later. */
async function authorizedStream(
  { authenticate, isUsable, streamSecret, defaultFlagSetId, now }: SseDependencies,
  c: Call,
): Promise<{ readonly flagSetId: string; readonly isUsable?: () => Promise<boolean> }> {
  const selector = parseSelector(selectorAfter(STREAM_PATH, c.req.url))
  const token = c.req.query('token')
  if (token === undefined) {
    const principal = await authenticate(c.req.raw.headers)
    return { flagSetId: flagSetIdFor(principal, selector, defaultFlagSetId), isUsable: () => isUsable(principal) }
  }
  const flagSetId = flagSetIdFor({ environment: null }, selector, undefined)
  const secret = await streamSecret()
  if (token.length <= TOKEN_LENGTH_MAX && isStreamToken(token, { secret, flagSetId, nowMs: now() }))
    return { flagSetId }
  throw new FlagError('unauthenticated', 'The token is not valid; a bulk evaluation names the address of its stream')
}
