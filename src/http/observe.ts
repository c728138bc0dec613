import type { Span } from '../telemetry/span.ts'
import { contextIn } from '../telemetry/trace-context.ts'
import { type Tracer, untraced } from '../telemetry/tracer.ts'
import type { AccessLog, AccessLogs } from './access.ts'
import type { Asked, Reply } from './exchange.ts'
import type { Requests } from './requests.ts'
import { ANSWERED_BY, noteStatus, pathOf, receiveRequest, sampledTraceIdOf } from './trace.ts'

/** What is noted of requests; each undefined where it is not. */
export type Notes = {
  readonly requests?: Requests | undefined
  readonly tracer?: Tracer | undefined
  readonly access?: AccessLogs | undefined
}
/** A request under way. */
export type Observation = {
  /** Undefined where it is not kept. */
  readonly span: Span | undefined
  /**
   * Does what may ask the store, whose spans are then below that of the request. Not the whole of an answer: whatever awaits
   * within a span costs more, and most requests ask nobody.
   */
  readonly within: <T>(work: () => T) => T
  /** Notes the answer and hands it on. */
  readonly done: (answer: Reply) => Reply
}
/** Begins to observe a request that `route` answers. */
export type Observe = (route: string, asked: Asked) => Observation

/** Observes what a handler does from its first line to its answer: with what is made beforehand, and no span but a kept one. */
export function observeIn({ requests, tracer = untraced, access }: Notes): Observe {
  return observing({ requests, tracer, log: access?.evaluations })
}

/** Observes a probe, which is no trace. */
export const observeProbesIn = ({ requests, access }: Notes): Observe =>
  observing({ requests, tracer: untraced, log: access?.probes })

type Noted = { readonly requests: Notes['requests']; readonly tracer: Tracer; readonly log: AccessLog }

function observing({ requests, tracer, log }: Noted): Observe {
  if (!requests && !tracer.isOn && !log) return () => UNOBSERVED
  return (route, asked) => {
    const start = performance.now()
    const parent = contextIn(asked.headers)
    const span = receiveRequest(tracer, route, { asked, parent })
    const done = (answer: Reply): Reply => {
      const seconds = (performance.now() - start) / 1_000
      const { method, url } = asked
      requests?.timing(method, route, answer.status).add(seconds, span?.traceId ?? sampledTraceIdOf(parent))
      if (span) noteStatus(span, answer.status).end()
      log?.({ method, route, path: pathOf(url), status: answer.status, seconds, span })
      return span ? tellingSpan(answer, span) : answer
    }
    return { span, within: span ? (work) => tracer.within(span, work) : atOnce, done }
  }
}

function tellingSpan({ status, head, own, body }: Reply, { traceparent }: Span): Reply {
  return { status, head, own: own ? { ...own, [ANSWERED_BY]: traceparent } : { [ANSWERED_BY]: traceparent }, body }
}

const atOnce = <T>(work: () => T): T => work()
const UNOBSERVED: Observation = { span: undefined, within: atOnce, done: (answer) => answer }
