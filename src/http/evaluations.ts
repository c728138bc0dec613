import type { Enrich } from '../flag/context.ts'
import type { Context } from '../flag/definition.ts'
import { FlagError } from '../flag/error.ts'
import type { Success } from '../flag/evaluate.ts'
import { isRecord } from '../flag/value.ts'
import type { Authenticate } from '../snapshot/authenticator.ts'
import type { Count, CountAll } from '../snapshot/exposures.ts'
import { flagSetIdFor, parseSelector } from '../snapshot/selector.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { contextIn, idsOf } from '../telemetry/trace-context.ts'
import { fingerprintOf, isHeld } from './etag.ts'
import type { Asked, Header, Reply } from './exchange.ts'
import { type Observation, type Observe, observeIn } from './observe.ts'
import { answerFor, answersFor, type Question } from './ofrep-answer.ts'
import type { Heads } from './ofrep-heads.ts'
import { type Log, RETRY_AFTER_SECONDS, STATUS } from './problem.ts'
import { Repeats } from './repeats.ts'
import type { EventStream, EventStreams } from './stream-token.ts'

export type EvaluationDoors = {
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
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly count: Count
  readonly countAll: CountAll
  /** Adds the operator's values to a context. */
  readonly enrich: Enrich
  /** Undefined where nothing is noted of requests. */
  readonly observe?: Observe | undefined
  readonly log: Log
}

/** Answers evaluations of one flag, and of all. Never rejects. */
export type Evaluations = {
  single(asked: Asked): Promise<Reply>
  bulk(asked: Asked): Promise<Reply>
}
/** One request under way. */
type Visit = { readonly asked: Asked; readonly seen: Observation; readonly heads: Heads; readonly log: Log }

export const BULK = '/ofrep/v1/evaluate/flags'
export const SINGLE = '/ofrep/v1/evaluate/flags/:key'
const TOLD = 'flagConfigEtag'

/** The OpenFeature Remote Evaluation Protocol 0.3, for whoever receives its requests. `headsOf` knows the headers for who asks. */
export function evaluations(doors: EvaluationDoors, headsOf: (header: Header) => Heads): Evaluations {
  const { observe = observeIn({}), log } = doors
  const repeats = new Repeats()
  const visit = (asked: Asked, route: string): Visit => ({
    asked,
    seen: observe(route, asked),
    heads: headsOf(asked.headers),
    log,
  })
  return {
    single: (asked) => answerSingle(doors, visit(asked, SINGLE)),
    bulk: (asked) => answerBulk(doors, repeats, visit(asked, BULK)),
  }
}

function answerSingle(doors: EvaluationDoors, visit: Visit): Promise<Reply> {
  const segment = lastSegment(visit.asked.url)
  const key = decode(segment)
  const { answer: head } = visit.heads
  return answered(doors, visit, {
    subject: { key: key ?? segment },
    reply: (question) => {
      if (key === undefined) throw new FlagError('invalid', 'invalid flag key: not percent-encoded UTF-8')
      const { status, body } = answerFor(key, question)
      return { status, head, body }
    },
  })
}

function answerBulk(doors: EvaluationDoors, repeats: Repeats, visit: Visit): Promise<Reply> {
  const { asked, heads } = visit
  const ifNoneMatch = asked.headers.get('if-none-match')
  const heldOn = (snapshot: Snapshot) => (isForced(asked.url, snapshot) ? null : ifNoneMatch)
  const wordsWith = (body: string): string => `${asked.headers.get('flagd-selector') ?? ''}\n${body}`
  const streamsOf = ({ flagSetId }: Snapshot) => doors.eventStreams?.(flagSetId)
  const unchanged = (etag: string): Reply => ({ status: 304, head: heads.unchanged, own: { etag }, body: null })
  const replyWith = (question: Question, body: string, streams: readonly EventStream[] | undefined): Reply => {
    const { snapshot } = question
    const { etag, text, lasting } = answersFor(question, streams)
    if (!isHeld(heldOn(snapshot), etag)) return { status: 200, head: heads.answer, own: { etag }, body: text() }
    const evaluations = lasting()
    if (evaluations) repeats.keep({ snapshot, streams }, wordsWith(body), { etag, evaluations })
    return unchanged(etag)
  }
  return answered(doors, visit, {
    subject: {},
    given: (snapshot, body) => {
      const held = heldOn(snapshot)
      const streams = held === null ? undefined : streamsOf(snapshot)
      if (held === null || streams instanceof Promise) return undefined
      const given = repeats.find({ snapshot, streams }, wordsWith(body))
      if (given === undefined || !isHeld(held, given.etag)) return undefined
      return { evaluations: given.evaluations, reply: unchanged(given.etag) }
    },
    reply: (question, body) => {
      const streams = streamsOf(question.snapshot)
      return streams instanceof Promise
        ? streams.then((known) => replyWith(question, body, known))
        : replyWith(question, body, streams)
    },
  })
}

/** True when an event told the client of another state than this one: what it holds is no answer to it. */
function isForced(url: string, snapshot: Snapshot): boolean {
  const told = toldOf(url)
  return told !== undefined && told !== fingerprintOf(snapshot)
}

/** An answer like one before it, and what stands in it. */
type Again = { readonly evaluations: readonly Success[]; readonly reply: Reply }
/** What is asked for, and its answer. */
type Wanted = {
  readonly subject: Subject
  /** What the same body was answered before and would be again: then nobody reads it, which takes longer than to know it. */
  readonly given?: (snapshot: Snapshot, body: string) => Again | undefined
  readonly reply: (question: Question, body: string) => Reply | Promise<Reply>
}

/**
 * Reads what a request asks and answers it, waiting for nothing but its body once key and environment are known here. In one
 * piece: each function that waits costs as much as three that do not.
 */
async function answered(doors: EvaluationDoors, visit: Visit, wanted: Wanted): Promise<Reply> {
  const { asked, seen, heads } = visit
  const { subject } = wanted
  const { span } = seen
  const { count, countAll } = doors
  try {
    const known = seen.within(() => doors.authenticate(asked.headers))
    const principal = known instanceof Promise ? await known : known
    const selector = parseSelector(asked.headers.get('flagd-selector'))
    const flagSetId = flagSetIdFor(principal, selector, doors.defaultFlagSetId)
    const body = await asked.read(doors.bodyBytesMax)
    if (body === undefined) return seen.done(invalidContext(heads, subject))
    const held = seen.within(() => doors.current(flagSetId))
    const first = held instanceof Promise ? await held : held
    // An event told the client of a change that this replica may not have seen yet: old values now would stay there.
    const snapshot = doors.newest && isForced(asked.url, first) ? await doors.newest(flagSetId) : first
    const now = Math.floor(doors.now() / 1_000)
    const given = wanted.given?.(snapshot, body)
    if (given) {
      const context = () => doors.enrich(evaluationContextIn(body) ?? {})
      countAll(given.evaluations, { snapshot, context, now, span })
      return seen.done(given.reply)
    }
    const context = evaluationContextIn(body)
    if (context === undefined) return seen.done(invalidContext(heads, subject))
    const question = { snapshot, selector, context: doors.enrich(context), now, span, count }
    const reply = wanted.reply(question, body)
    return seen.done(reply instanceof Promise ? await reply : reply)
  } catch (error) {
    return seen.done(refuse(error, subject, visit))
  }
}

/** The context of a body; undefined when the body is not what it should be. A context that is no object counts as empty, as in flagd. */
function evaluationContextIn(body: string): Context | undefined {
  try {
    const request: unknown = body === '' ? {} : (JSON.parse(body) ?? {})
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
export function lastSegment(url: string): string {
  const end = url.search(/[?#]/)
  const path = end < 0 ? url : url.slice(0, end)
  return path.slice(path.lastIndexOf('/') + 1)
}

/** A segment without its percent-encoding; undefined where that is none of UTF-8. */
export function decode(segment: string): string | undefined {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}

/** `subject` names the flag that was asked for, without which providers do not understand an error. */
type Subject = { readonly key?: string }

/** The log, with the span of the request, or else the trace that the caller names. */
function logOf({ asked: { headers }, seen: { span }, log }: Visit): Log {
  const traceId = contextIn(headers)?.traceId
  const ids = span ? idsOf(span) : traceId !== undefined && { traceId }
  return ids ? (message, fields) => log(message, { ...fields, ...ids }) : log
}

function invalidContext(heads: Heads, subject: Subject): Reply {
  return refusal(heads, 400, {
    ...subject,
    errorCode: 'INVALID_CONTEXT',
    errorDetails: 'Provider context is not valid',
  })
}

function refuse(error: unknown, subject: Subject, visit: Visit): Reply {
  const { heads } = visit
  if (!(error instanceof FlagError)) {
    logOf(visit)('Unexpected error', { error, route: subject.key === undefined ? BULK : SINGLE })
    return refusal(heads, 500, { ...subject, errorCode: 'GENERAL', errorDetails: 'Internal error' })
  }
  const { code, message: errorDetails, cause } = error
  if (cause) logOf(visit)('Refused an evaluation', { code, cause })
  if (code === 'too_large') return refusal(heads, STATUS[code], { errorDetails })
  const isFlagMissing = code === 'not_found' && subject.key !== undefined
  const errorCode = isFlagMissing ? 'FLAG_NOT_FOUND' : 'GENERAL'
  return refusal(heads, STATUS[code], { ...subject, errorCode, errorDetails })
}

/** Answers why there is no answer. */
export function refusal({ refusal: head }: Heads, status: number, body: object): Reply {
  return { status, head, own: OWN[status], body: JSON.stringify(body) }
}

const OWN: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { 'www-authenticate': 'Bearer' },
  405: { allow: 'POST, OPTIONS' },
  503: { 'retry-after': String(RETRY_AFTER_SECONDS) },
}
