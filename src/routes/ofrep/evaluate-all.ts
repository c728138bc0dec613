import { EVALUATE_ALL } from '../paths.ts'
import { BulkCache } from './bulk-cache.ts'
import { isStaleFor, matchesEtag } from './etag.ts'
import {
  contextOf,
  type EvaluationDependencies,
  type EvaluationHandler,
  type EvaluationRequest,
  evaluationHandler,
} from './evaluation-handler.ts'
import type { ResponseHeaders, ResponseParts } from './responses.ts'
import { resultsFor } from './results.ts'
import type { EventStream } from './stream-token.ts'

/** `POST /ofrep/v1/evaluate/flags`: all flags, as web providers request them. Repeated polls are answered from a cache. */
export function evaluateAll(dependencies: EvaluationDependencies): EvaluationHandler {
  const { enrich, eventStreams, count, countAll } = dependencies
  const cache = new BulkCache()

  const evaluate = (request: EvaluationRequest, streams: readonly EventStream[] | undefined): ResponseParts => {
    const { snapshot, selector, body, headers, now, span } = request
    const ifNoneMatch = etagsOf(request)
    const key = cacheKey(request)
    const hit = ifNoneMatch === null ? undefined : cache.find({ snapshot, streams }, key)
    if (hit && matchesEtag(ifNoneMatch, hit.etag)) {
      countAll(hit.evaluations, { snapshot, context: () => enrich(contextOf(body)), now, span })
      return notModified(headers, hit.etag)
    }
    const { etag, text, repeatable } = resultsFor(
      { snapshot, selector, context: enrich(contextOf(body)), now, span, count },
      streams,
    )
    if (!matchesEtag(ifNoneMatch, etag))
      return { status: 200, headers: headers.values, extraHeaders: { etag }, body: text() }
    const evaluations = repeatable()
    if (evaluations) cache.store({ snapshot, streams }, key, { etag, evaluations })
    return notModified(headers, etag)
  }

  return evaluationHandler(dependencies, {
    path: EVALUATE_ALL,
    keyIn: () => undefined,
    evaluate: (request) => {
      const streams = eventStreams?.(request.snapshot.flagSetId)
      return streams instanceof Promise
        ? streams.then((loaded) => evaluate(request, loaded))
        : evaluate(request, streams)
    },
  })
}

/** Whether a request is one for this route in its usual form: it needs no router. */
export const isPlainBulk = ({ method, url }: Request): boolean =>
  method === 'POST' &&
  url.endsWith(EVALUATE_ALL) &&
  url.indexOf('/', url.indexOf('://') + 3) === url.length - EVALUATE_ALL.length

/** If-None-Match, unless an event informed the client of another configuration: what the client cached is stale then. */
function etagsOf({ url, header, snapshot }: EvaluationRequest): string | null {
  return isStaleFor(url, snapshot) ? null : header.get('if-none-match')
}

/** Everything in the request that decides the result. */
const cacheKey = ({ header, body }: EvaluationRequest): string => `${header.get('flagd-selector') ?? ''}\n${body}`

const notModified = ({ notModified: headers }: ResponseHeaders, etag: string): ResponseParts => ({
  status: 304,
  headers,
  extraHeaders: { etag },
  body: null,
})
