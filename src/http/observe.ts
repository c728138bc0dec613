import type { Context, MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import type { Span } from '../telemetry/span.ts'
import { contextIn } from '../telemetry/trace-context.ts'
import { type Tracer, untraced } from '../telemetry/tracer.ts'
import type { AccessLogs } from './access.ts'
import { principalOf } from './auth.ts'
import type { Asked, Reply } from './exchange.ts'
import { isProbe } from './health.ts'
import type { Requests } from './requests.ts'
import { ANSWERED_BY, noteStatus, pathOf, receiveRequest, sampledTraceIdOf } from './trace.ts'
import { traced } from './traced.ts'

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

/** Tells requests that are observed, or only traced, where they are answered. */
export type Exceptions = { readonly isObserved: (c: Context) => boolean; readonly isTraced: (c: Context) => boolean }

/**
 * Times and traces each request until the head of its answer is there; a stream goes on after that. Stands before everything else. Those
 * of which `isObserved` is true observe themselves: awaiting the rest costs more than the counting.
 */
export function observed(notes: Notes, { isObserved, isTraced }: Exceptions): MiddlewareHandler {
  const { requests, tracer, access } = notes
  const observe = async (c: Context, next: () => Promise<void>): Promise<void> => {
    const start = performance.now()
    await next()
    const seconds = (performance.now() - start) / 1_000
    const { method, path, raw } = c.req
    const { status } = c.res
    const route = patternOf(c)
    const span = tracer?.active
    requests?.timing(method, route, status).add(seconds, span?.traceId ?? sampledTraceIdOf(contextIn(raw.headers)))
    const log = isProbe(path) ? access?.probes : access?.others
    log?.({ method, route, path, status, seconds, actor: principalOf(c)?.name, span })
  }
  const trace = tracer?.isOn ? traced(tracer) : undefined
  return (c, next) => {
    if (isObserved(c)) return next()
    return trace === undefined || isTraced(c) ? observe(c, next) : trace(c, () => observe(c, next))
  }
}

/** Observes what a handler does from its first line to its answer: with what is made beforehand, and no span but a kept one. */
export function observeIn({ requests, tracer = untraced, access }: Notes): Observe {
  const log = access?.evaluations
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

/** The most special pattern that matches; that of the middleware itself where nothing is served. */
const patternOf = (c: Context): string => routePath(c, -1)
