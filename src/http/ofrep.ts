import { type Context as Call, Hono } from 'hono'
import type { Enrich } from '../flag/context.ts'
import type { Context } from '../flag/definition.ts'
import { FlagError } from '../flag/error.ts'
import { isRecord } from '../flag/value.ts'
import type { Authenticate } from '../snapshot/authenticator.ts'
import type { Count } from '../snapshot/exposures.ts'
import { flagSetIdFor, parseSelector } from '../snapshot/selector.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { contextIn, idsOf } from '../telemetry/trace-context.ts'
import { crossOrigin } from './cross-origin.ts'
import { etagOf, fingerprintOf, isHeld } from './etag.ts'
import { parseJson, readBody } from './json-body.ts'
import { type Observation, type Observe, observeIn } from './observe.ts'
import { answerFor, answersFor, type Question } from './ofrep-answer.ts'
import { type Log, RETRY_AFTER_SECONDS, STATUS } from './problem.ts'
import type { EventStreams } from './stream-token.ts'

export type OfrepDoors = {
  readonly authenticate: Authenticate
  /** A promise only for an environment that this replica does not know yet. Throws `not_found` or `unavailable`. */
  readonly current: (flagSetId: string) => Snapshot | Promise<Snapshot>
  /** The newest snapshot, asked for because a client knows of another than `current`. */
  readonly newest?: (flagSetId: string) => Promise<Snapshot>
  /** Undefined where no streams are served. */
  readonly eventStreams?: EventStreams | undefined
  /** Where a caller goes that is bound to no environment and names none. */
  readonly defaultFlagSetId: string | undefined
  readonly bodyBytesMax: number
  /** Undefined: all. */
  readonly corsOrigins?: readonly string[] | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly count: Count
  /** Adds the operator's values to a context. */
  readonly enrich: Enrich
  /** Undefined where nothing is noted of requests. */
  readonly observe?: Observe | undefined
  readonly log: Log
}

const BULK = '/ofrep/v1/evaluate/flags'
const SINGLE = '/ofrep/v1/evaluate/flags/:key'

/** A path of either, as Hono's routes match it. */
const EVALUATION = /^\/ofrep\/v1\/evaluate\/flags(?:\/[^/]*)?$/

const TOLD = 'flagConfigEtag'

const HEADERS = {
  'content-type': 'application/json',
  'cache-control': 'private, no-cache',
  vary: 'Flagd-Selector, Authorization, X-API-Key',
}

/** The OpenFeature Remote Evaluation Protocol 0.3: one flag (server providers) or all of them (web providers). */
export function ofrep(doors: OfrepDoors): Hono {
  const { observe = observeIn({}) } = doors
  const single = ({ req: { raw } }: Call) => answerSingle(doors, raw, observe(SINGLE, raw))
  const bulk = ({ req: { raw } }: Call) => answerBulk(doors, raw, observe(BULK, raw))
  return new Hono()
    .use('/ofrep/*', crossOrigin(doors.corsOrigins))
    .post(SINGLE, single)
    .post(BULK, bulk)
    .post(`${BULK}/`, bulk)
    .all(SINGLE, onlyPost)
    .all(BULK, onlyPost)
    .all(`${BULK}/`, onlyPost)
}

/** True for the requests that this door observes itself: those that its handlers answer. */
export const isEvaluation = ({ req }: Call): boolean => req.method === 'POST' && EVALUATION.test(req.path)

async function answerSingle(doors: OfrepDoors, request: Request, seen: Observation): Promise<Response> {
  const { done } = seen
  const segment = lastSegment(request.url)
  const key = decode(segment)
  try {
    const question = await ask(doors, request, seen)
    if (key === undefined) throw new FlagError('invalid', 'invalid flag key: not percent-encoded UTF-8')
    if (question === undefined) return done(invalidContext({ key }))
    const { status, body } = answerFor(key, question)
    return done(Response.json(body, { status, headers: HEADERS }))
  } catch (error) {
    return done(refuse(error, { key: key ?? segment }, logOf(doors.log, request, seen)))
  }
}

async function answerBulk(doors: OfrepDoors, request: Request, seen: Observation): Promise<Response> {
  const { done } = seen
  try {
    const question = await ask(doors, request, seen)
    if (question === undefined) return done(invalidContext({}))
    const streams = await doors.eventStreams?.(question.snapshot.flagSetId)
    const body = JSON.stringify({ ...answersFor(question), ...(streams?.length && { eventStreams: streams }) })
    const headers = { ...HEADERS, etag: etagOf(body) }
    const told = toldOf(request.url)
    const isForced = told !== undefined && told !== fingerprintOf(question.snapshot)
    if (isForced || !isHeld(request.headers.get('if-none-match'), headers.etag))
      return done(new Response(body, { headers }))
    const { 'content-type': _, ...unchanged } = headers
    return done(new Response(null, { status: 304, headers: unchanged }))
  } catch (error) {
    return done(refuse(error, {}, logOf(doors.log, request, seen)))
  }
}

/**
 * Reads what a request asks, waiting for nothing but its body once key and environment are known here. Undefined when the
 * body is not what it should be.
 */
async function ask(doors: OfrepDoors, request: Request, { span, within }: Observation): Promise<Question | undefined> {
  const known = within(() => doors.authenticate(request.headers))
  const principal = known instanceof Promise ? await known : known
  const selector = parseSelector(request.headers.get('flagd-selector'))
  const flagSetId = flagSetIdFor(principal, selector, doors.defaultFlagSetId)
  const context = evaluationContextIn(await readBody(request, doors.bodyBytesMax))
  if (context === undefined) return undefined
  const held = within(() => doors.current(flagSetId))
  const first = held instanceof Promise ? await held : held
  const told = toldOf(request.url)
  // An event told the client of a change that this replica may not have seen yet: old values now would stay there.
  const isElsewhere = told !== undefined && told !== fingerprintOf(first)
  const snapshot = isElsewhere && doors.newest ? await doors.newest(flagSetId) : first
  const now = Math.floor(doors.now() / 1_000)
  return { snapshot, selector, context: doors.enrich(context), now, span, count: doors.count }
}

/** The context of a body; undefined when the body is not what it should be. A context that is no object counts as empty, as in flagd. */
function evaluationContextIn(body: Uint8Array): Context | undefined {
  try {
    const request = parseJson(body) ?? {}
    if (!isRecord(request)) return undefined
    const { context } = request
    return isRecord(context) ? context : {}
  } catch {
    return undefined
  }
}

/** The fingerprint of the configuration that an event told the client of; undefined when none did. */
function toldOf(url: string): string | undefined {
  return url.includes(TOLD) ? (new URL(url).searchParams.get(TOLD) ?? undefined) : undefined
}

/**
 * The last segment of the path as it came. Hono's own path is decoded in part, so that an encoded key could no longer be told
 * from one that looks encoded.
 */
function lastSegment(url: string): string {
  const end = url.search(/[?#]/)
  const path = end < 0 ? url : url.slice(0, end)
  return path.slice(path.lastIndexOf('/') + 1)
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}

/** The flag that a path asks for; undefined: it asks for none. */
export const keyIn = (path: string): string | undefined =>
  EVALUATION.test(path) && path.length > BULK.length + 1 ? decode(lastSegment(path)) : undefined

/** `subject` names the flag that was asked for, without which providers do not understand an error. */
type Subject = { readonly key?: string }

/** The log, with the span of the request, or else the trace that the caller names. */
function logOf(log: Log, { headers }: Request, { span }: Observation): Log {
  const traceId = contextIn(headers)?.traceId
  const ids = span ? idsOf(span) : traceId !== undefined && { traceId }
  return ids ? (message, fields) => log(message, { ...fields, ...ids }) : log
}

function invalidContext(subject: Subject): Response {
  return refusal(400, { ...subject, errorCode: 'INVALID_CONTEXT', errorDetails: 'Provider context is not valid' })
}

function refuse(error: unknown, subject: Subject, log: Log): Response {
  if (!(error instanceof FlagError)) {
    log('Unexpected error', { error, route: subject.key === undefined ? BULK : SINGLE })
    return refusal(500, { ...subject, errorCode: 'GENERAL', errorDetails: 'Internal error' })
  }
  const { code, message: errorDetails, cause } = error
  if (cause) log('Refused an evaluation', { code, cause })
  if (code === 'too_large') return refusal(STATUS[code], { errorDetails })
  const isFlagMissing = code === 'not_found' && subject.key !== undefined
  return refusal(STATUS[code], { ...subject, errorCode: isFlagMissing ? 'FLAG_NOT_FOUND' : 'GENERAL', errorDetails })
}

function refusal(status: number, body: object): Response {
  const headers = new Headers({ ...HEADERS, 'cache-control': 'no-store' })
  if (status === 401) headers.set('www-authenticate', 'Bearer')
  if (status === 405) headers.set('allow', 'POST, OPTIONS')
  if (status === 503) headers.set('retry-after', String(RETRY_AFTER_SECONDS))
  return Response.json(body, { status, headers })
}

const onlyPost = () => refusal(405, { errorCode: 'GENERAL', errorDetails: 'method not allowed, use POST' })
