import type { Authenticate } from '../../cache/authenticator.ts'
import type { Count, CountAll } from '../../cache/counting.ts'
import { flagSetIdFor, parseSelector, type Selector } from '../../cache/selector.ts'
import type { Snapshot } from '../../cache/snapshot.ts'
import type { Context } from '../../flag/definition.ts'
import { isRecord } from '../../flag/definition.ts'
import { FlagError } from '../../flag/error.ts'
import { type Enrich, isFiniteContext } from '../../flag/evaluate.ts'
import type { LogLine } from '../../telemetry/log.ts'
import type { Header } from '../../telemetry/trace-context.ts'
import { BULK, SINGLE } from '../paths.ts'
import { bulk } from './evaluate-all.ts'
import { single } from './evaluate-flag.ts'
import type { Asked, Reply, Send } from './exchange.ts'
import type { Heads } from './heads.ts'
import { type Observe, observeIn } from './observe.ts'
import { invalidContext, refusalFor } from './refusal.ts'
import type { EventStreams } from './stream-token.ts'
import { isForced } from './told.ts'
import type { Kind, Visit } from './visit.ts'

export type EvaluationDependencies = {
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
  readonly log: LogLine
}

/** Answers evaluations of one flag, whose key is the last segment of the path as it came, and of all. Each is answered, whatever happens. */
export type Evaluations<To, Sent> = {
  single(asked: Asked, to: To, segment: string): Promise<Sent>
  bulk(asked: Asked, to: To): Promise<Sent>
}
/** Is told once what becomes of replies. */
export type Answering = <To, Sent>(send: Send<To, Sent>) => Evaluations<To, Sent>

/** The OpenFeature Remote Evaluation Protocol 0.3, for whoever receives its requests. `headsOf` knows the headers for who asks. */
export function evaluations(dependencies: EvaluationDependencies, headsOf: (header: Header) => Heads): Answering {
  const { observe = observeIn({}), eventStreams } = dependencies
  const all = bulk(eventStreams)
  const visit = (route: string, asked: Asked, segment: string): Visit => {
    const seen = observe(route, asked)
    return { asked, seen, heads: headsOf(asked.headers), segment }
  }
  return (send) => {
    const sending = { ...dependencies, send }
    return {
      single: (asked, to, segment) => answered(sending, single, visit(SINGLE, asked, segment), to),
      bulk: (asked, to) => answered(sending, all, visit(BULK, asked, ''), to),
    }
  }
}

type Sending<To, Sent> = EvaluationDependencies & { readonly send: Send<To, Sent> }

/** Reads what a request asks and answers it, waiting for nothing but its body once key and environment are known here. */
async function answered<To, Sent>(dependencies: Sending<To, Sent>, kind: Kind, visit: Visit, to: To): Promise<Sent> {
  const { asked, seen } = visit
  const { bodyBytesMax } = dependencies
  let reply: Reply
  try {
    const known = seen.within(dependencies.authenticate, asked.headers)
    const principal = known instanceof Promise ? await known : known
    const selector = parseSelector(asked.headers.get('flagd-selector'))
    const flagSetId = flagSetIdFor(principal, selector, dependencies.defaultFlagSetId)
    let body: string | undefined
    try {
      const read = asked.read(bodyBytesMax)
      body = read instanceof Promise ? await read : read
    } catch (error) {
      throw error instanceof FlagError ? error : new FlagError('invalid', 'Cannot read the body')
    }
    const held = seen.within(dependencies.current, flagSetId)
    const first = held instanceof Promise ? await held : held
    // An event told the client of a change that this replica may not have seen yet: old values now would stay there.
    const snapshot = dependencies.newest && isForced(asked.url, first) ? await dependencies.newest(flagSetId) : first
    const found = replyTo(dependencies, kind, visit, { snapshot, selector, body })
    reply = found instanceof Promise ? await found : found
  } catch (error) {
    reply = refusalFor(error, visit, dependencies.log)
  }
  return dependencies.send(seen.done(reply), to)
}

type Read = { readonly snapshot: Snapshot; readonly selector: Selector | undefined; readonly body: string | undefined }

function replyTo(dependencies: EvaluationDependencies, kind: Kind, visit: Visit, read: Read): Reply | Promise<Reply> {
  const { snapshot, selector, body } = read
  if (body === undefined) return invalidContext(visit)
  const { count, enrich } = dependencies
  const { span } = visit.seen
  const now = Math.floor(dependencies.now() / 1_000)
  const given = kind.given?.(visit, snapshot, body)
  if (given) {
    const context = () => enrich(evaluationContextIn(body) ?? {})
    dependencies.countAll(given.evaluations, { snapshot, context, now, span })
    return given.reply
  }
  const context = evaluationContextIn(body)
  if (context === undefined) return invalidContext(visit)
  return kind.reply(visit, { snapshot, selector, context: enrich(context), now, span, count }, body)
}

/** Without one of these, no number of a body that is shorter than the digits of 1e308 can be beyond a double. */
const LARGE_EXPONENT = /\d[eE]\+?\d\d/
const DIGITS_MAX = 308

const mayOverflow = (body: string): boolean => body.length > DIGITS_MAX || LARGE_EXPONENT.test(body)

/** The context of a body; undefined when the body is not what it should be. A context that is no object counts as empty, as in flagd. */
function evaluationContextIn(body: string): Context | undefined {
  try {
    const request: unknown = body === '' ? {} : (JSON.parse(body) ?? {})
    if (!isRecord(request)) return undefined
    const { context } = request
    if (!isRecord(context)) return {}
    return mayOverflow(body) && !isFiniteContext(context) ? undefined : context
  } catch {
    return undefined
  }
}
