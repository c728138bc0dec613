import { ANSWERED_BY, noteStatus, pathOf, receiveRequest, sampledTraceIdOf } from '../../middleware/tracing.ts'
import type { AccessLog, AccessLogs } from '../../telemetry/log.ts'
import type { RequestDurations } from '../../telemetry/metrics.ts'
import type { Span } from '../../telemetry/span.ts'
import { contextIn, type TraceContext } from '../../telemetry/trace-context.ts'
import { type Tracer, untraced } from '../../telemetry/tracer.ts'
import type { Asked, Reply } from './exchange.ts'

/** What is noted of requests; each undefined where it is not. */
export type Notes = {
  readonly requests?: RequestDurations | undefined
  readonly tracer?: Tracer | undefined
  readonly access?: AccessLogs | undefined
}
/** A request under way. */
export type Observation = {
  /** Undefined where it is not kept. */
  readonly span: Span | undefined
  /** Does what may read from the store; its spans are children of the span of the request. */
  within<Given, T>(work: (given: Given) => T, given: Given): T
  /** Notes the answer and hands it on. */
  done(answer: Reply): Reply
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

function observing(noted: Noted): Observe {
  if (!noted.requests && !noted.tracer.isOn && !noted.log) return () => UNOBSERVED
  return (route, asked) => new Observed(noted, route, asked)
}

/** One object for each request: functions in place of its methods would be three more, and take Bun 1 µs of 20. */
class Observed implements Observation {
  readonly span: Span | undefined
  readonly #noted: Noted
  readonly #route: string
  readonly #asked: Asked
  readonly #parent: TraceContext | undefined

  constructor(noted: Noted, route: string, asked: Asked) {
    this.#noted = noted
    this.#route = route
    this.#asked = asked
    this.#parent = contextIn(asked.headers)
    this.span = receiveRequest(noted.tracer, this.#parent, route, asked)
  }

  within<Given, T>(work: (given: Given) => T, given: Given): T {
    return this.span ? this.#noted.tracer.within(this.span, () => work(given)) : work(given)
  }

  done(answer: Reply): Reply {
    const { at, method, url } = this.#asked
    const seconds = (performance.now() - at) / 1_000
    const { requests, log } = this.#noted
    const { span } = this
    const { status } = answer
    requests?.of(method, this.#route, status).add(seconds, span?.traceId ?? sampledTraceIdOf(this.#parent))
    log?.({ method, route: this.#route, path: pathOf(url), status, seconds, span })
    if (!span) return answer
    noteStatus(span, status).end()
    return tellingSpan(answer, span)
  }
}

function tellingSpan({ status, head, own, body }: Reply, { traceparent }: Span): Reply {
  return { status, head, own: own ? { ...own, [ANSWERED_BY]: traceparent } : { [ANSWERED_BY]: traceparent }, body }
}

const UNOBSERVED: Observation = { span: undefined, within: (work, given) => work(given), done: (answer) => answer }
