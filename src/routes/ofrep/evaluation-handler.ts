import type { Context as HonoContext } from 'hono'
import type { Authenticate } from '../../cache/authenticator.ts'
import type { RecordEvaluation, RecordEvaluations } from '../../cache/evaluation-recorder.ts'
import { flagSetIdFor, parseSelector, type Selector } from '../../cache/selector.ts'
import type { Snapshot } from '../../cache/snapshots.ts'
import { type Context, isRecord } from '../../flag/definition.ts'
import { type Enrich, isFiniteContext } from '../../flag/evaluate.ts'
import { readText } from '../../middleware/body-limit.ts'
import type { LogLine } from '../../telemetry/log.ts'
import type { Span } from '../../telemetry/span.ts'
import { isStaleFor } from './etag.ts'
import type { RequestTelemetry } from './request-telemetry.ts'
import { errorResponse, InvalidContext, type ResponseHeaders, type ResponseParts, responseOf } from './responses.ts'
import type { EventStreams } from './stream-token.ts'

export type EvaluationDependencies = {
  readonly authenticate: Authenticate
  /** A promise only for an environment that is not cached. Throws `not_found` or `unavailable`. */
  readonly current: (flagSetId: string) => Snapshot | Promise<Snapshot>
  /** The newest snapshot, for a client that knows of a newer one than `current`. */
  readonly newest?: (flagSetId: string) => Promise<Snapshot>
  /** Undefined where no event streams are served. */
  readonly eventStreams?: EventStreams | undefined
  /** The environment of a key that is bound to none, where the request selects none. */
  readonly defaultFlagSetId: string | undefined
  readonly bodyBytesMax: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly count: RecordEvaluation
  readonly countAll: RecordEvaluations
  /** Adds the operator's static values to a context. */
  readonly enrich: Enrich
  readonly telemetry: RequestTelemetry
  readonly headersFor: (header: Headers) => ResponseHeaders
  readonly log: LogLine
}

/** An authenticated evaluation request. */
export type EvaluationRequest = {
  readonly url: string
  readonly header: Headers
  readonly body: string
  readonly snapshot: Snapshot
  readonly selector: Selector | undefined
  /** Unix seconds. */
  readonly now: number
  readonly span: Span | undefined
  /** For the response. */
  readonly headers: ResponseHeaders
}

export type EvaluationRoute = {
  /** The pattern, as metrics and spans name it. */
  readonly path: string
  /** The flag of a URL; undefined where all flags are requested. */
  readonly keyIn: (url: string) => string | undefined
  readonly evaluate: (request: EvaluationRequest) => ResponseParts | Promise<ResponseParts>
}

/**
 * A handler of the OpenFeature Remote Evaluation Protocol 0.3: authenticates, reads, evaluates, records. Never throws. Waits for nothing but the
 * body once key and environment are cached.
 */
export function evaluationHandler(
  dependencies: EvaluationDependencies,
  route: EvaluationRoute,
): (c: HonoContext) => Promise<Response> {
  const { authenticate, current, newest = current, telemetry, headersFor, log } = dependencies
  return async ({ req: { raw } }) => {
    const { url, headers: header } = raw
    const record = telemetry.start(route.path, raw)
    const headers = headersFor(header)
    let response: ResponseParts
    try {
      const found = record.within(authenticate, header)
      const principal = found instanceof Promise ? await found : found
      const selector = parseSelector(header.get('flagd-selector'))
      const flagSetId = flagSetIdFor(principal, selector, dependencies.defaultFlagSetId)
      const body = await readText(raw, dependencies.bodyBytesMax)
      if (body === undefined) throw new InvalidContext()
      const cached = record.within(current, flagSetId)
      let snapshot = cached instanceof Promise ? await cached : cached
      // An event informed the client of a change that is not cached here: old values would stay with the client.
      if (isStaleFor(url, snapshot)) snapshot = await newest(flagSetId)
      const now = Math.floor(dependencies.now() / 1_000)
      const result = route.evaluate({ url, header, body, snapshot, selector, now, span: record.span, headers })
      response = result instanceof Promise ? await result : result
    } catch (error) {
      response = errorResponse(error, { route: route.path, key: route.keyIn(url), headers }, record.logLine(log))
    }
    return responseOf(record.end(response))
  }
}

/** Without one of these, no number of a body that is shorter than the digits of 1e308 can be beyond a double. */
const LARGE_EXPONENT = /\d[eE]\+?\d\d/
const DIGITS_MAX = 308

const mayOverflow = (body: string): boolean => body.length > DIGITS_MAX || LARGE_EXPONENT.test(body)

/** The context of a body. One that is not an object counts as empty, as in flagd. Throws `InvalidContext`. */
export function contextOf(body: string): Context {
  const request = parsed(body)
  if (!isRecord(request)) throw new InvalidContext()
  const { context } = request
  if (!isRecord(context)) return {}
  if (mayOverflow(body) && !isFiniteContext(context)) throw new InvalidContext()
  return context
}

function parsed(body: string): unknown {
  try {
    return body === '' ? {} : (JSON.parse(body) ?? {})
  } catch {
    throw new InvalidContext()
  }
}
