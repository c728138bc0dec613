import type { Enrich } from '../flag/context.ts'
import type { Context } from '../flag/definition.ts'
import { isRecord } from '../flag/value.ts'
import type { Authenticate } from '../snapshot/authenticator.ts'
import type { Count, CountAll } from '../snapshot/exposures.ts'
import { flagSetIdFor, parseSelector } from '../snapshot/selector.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { bulk } from './bulk.ts'
import type { Asked, Header, Reply } from './exchange.ts'
import { type Observe, observeIn } from './observe.ts'
import type { Heads } from './ofrep-heads.ts'
import { invalidContext, refusalFor } from './ofrep-refusal.ts'
import type { Log } from './problem.ts'
import { single } from './single.ts'
import type { EventStreams } from './stream-token.ts'
import { isForced } from './told.ts'
import type { Kind, Visit } from './visit.ts'

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

/** Answers evaluations of one flag, whose key is the last segment of the path as it came, and of all. Never rejects. */
export type Evaluations = {
  single(asked: Asked, segment: string): Promise<Reply>
  bulk(asked: Asked): Promise<Reply>
}
/** The OpenFeature Remote Evaluation Protocol 0.3, for whoever receives its requests. `headsOf` knows the headers for who asks. */
export function evaluations(doors: EvaluationDoors, headsOf: (header: Header) => Heads): Evaluations {
  const { observe = observeIn({}), eventStreams } = doors
  const all = bulk(eventStreams)
  const answer = (kind: Kind, asked: Asked, segment: string) =>
    answered(doors, kind, { asked, seen: observe(kind.route, asked), heads: headsOf(asked.headers), segment })
  return {
    single: (asked, segment) => answer(single, asked, segment),
    bulk: (asked) => answer(all, asked, ''),
  }
}

/**
 * Reads what a request asks and answers it, waiting for nothing but its body once key and environment are known here. In one
 * piece: each function that waits costs as much as three that do not.
 */
async function answered(doors: EvaluationDoors, kind: Kind, visit: Visit): Promise<Reply> {
  const { asked, seen } = visit
  const { span } = seen
  const { count, countAll } = doors
  try {
    const known = seen.within(doors.authenticate, asked.headers)
    const principal = known instanceof Promise ? await known : known
    const selector = parseSelector(asked.headers.get('flagd-selector'))
    const flagSetId = flagSetIdFor(principal, selector, doors.defaultFlagSetId)
    const body = await asked.read(doors.bodyBytesMax)
    if (body === undefined) return seen.done(invalidContext(visit))
    const held = seen.within(doors.current, flagSetId)
    const first = held instanceof Promise ? await held : held
    // An event told the client of a change that this replica may not have seen yet: old values now would stay there.
    const snapshot = doors.newest && isForced(asked.url, first) ? await doors.newest(flagSetId) : first
    const now = Math.floor(doors.now() / 1_000)
    const given = kind.given?.(visit, snapshot, body)
    if (given) {
      const context = () => doors.enrich(evaluationContextIn(body) ?? {})
      countAll(given.evaluations, { snapshot, context, now, span })
      return seen.done(given.reply)
    }
    const context = evaluationContextIn(body)
    if (context === undefined) return seen.done(invalidContext(visit))
    const question = { snapshot, selector, context: doors.enrich(context), now, span, count }
    const reply = kind.reply(visit, question, body)
    return seen.done(reply instanceof Promise ? await reply : reply)
  } catch (error) {
    return seen.done(refusalFor(error, visit, doors.log))
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
