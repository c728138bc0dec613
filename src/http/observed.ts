import type { Context, MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import { contextIn } from '../telemetry/trace-context.ts'
import type { AccessLogs } from './access.ts'
import { principalOf } from './auth.ts'
import type { Notes } from './observe.ts'
import { sampledTraceIdOf } from './trace.ts'
import { traced } from './traced.ts'

/** Tells requests that are observed, or only traced, where they are answered, and of which kind each is for the log. */
export type Exceptions = {
  readonly isObserved: (c: Context) => boolean
  readonly isTraced: (c: Context) => boolean
  readonly kindOf: (c: Context) => keyof Omit<AccessLogs, 'calls'>
}

/**
 * Times and traces each request until the head of its answer is there; a stream goes on after that. Stands before everything else. Those
 * of which `isObserved` is true observe themselves: awaiting the rest costs more than the counting.
 */
export function observed(notes: Notes, { isObserved, isTraced, kindOf }: Exceptions): MiddlewareHandler {
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
    access?.[kindOf(c)]?.({ method, route, path, status, seconds, actor: principalOf(c)?.name, span })
  }
  const trace = tracer?.isOn ? traced(tracer) : undefined
  return (c, next) => {
    if (isObserved(c)) return next()
    return trace === undefined || isTraced(c) ? observe(c, next) : trace(c, () => observe(c, next))
  }
}

/** The most special pattern that matches; that of the middleware itself where nothing is served. */
const patternOf = (c: Context): string => routePath(c, -1)
