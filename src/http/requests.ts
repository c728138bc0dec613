import type { Context, MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import { newTiming, Tally, type Timing } from '../telemetry/tally.ts'
import { sampledTraceIdOf } from './trace.ts'

/** Begins to time a request for `route`. What it gives notes the answer and hands it on. */
export type Timed = (route: string, request: Request) => (answer: Response) => Response

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** What OpenTelemetry calls a method that it does not know. */
const OTHER_METHOD = '_OTHER'

/** Every request over HTTP, by method, pattern of the route and status: all three are of our making, whatever a client sends. */
export class Requests {
  readonly timings = new Tally(['method', 'route', 'status'], newTiming)
  /** The same cells where a request finds them without making anything: route, method, status. */
  readonly #known = new Map<string, Map<string, Timing[]>>()

  timing(method: string, route: string, status: number): Timing {
    return this.#known.get(route)?.get(method)?.[status] ?? this.#make(method, route, status)
  }

  #make(given: string, route: string, status: number): Timing {
    const method = METHODS.has(given) ? given : OTHER_METHOD
    const timing = this.timings.of(method, route, String(status))
    const methods = this.#known.get(route) ?? new Map<string, Timing[]>()
    const statuses = methods.get(method) ?? []
    statuses[status] = timing
    this.#known.set(route, methods.set(method, statuses))
    return timing
  }
}

/**
 * Times each request until the head of its answer is there; a stream goes on after that. Stands before everything else. Those of which
 * `isTimed` is true time themselves: awaiting the rest costs more than the counting.
 */
export function measured(requests: Requests, isTimed: (c: Context) => boolean): MiddlewareHandler {
  const measure: MiddlewareHandler = async (c, next) => {
    const start = performance.now()
    await next()
    const seconds = (performance.now() - start) / 1_000
    requests.timing(c.req.method, patternOf(c), c.res.status).add(seconds, sampledTraceIdOf(c.req.raw.headers))
  }
  return (c, next) => (isTimed(c) ? next() : measure(c, next))
}

/** Times what a handler does from its first line to its answer. */
export function timedIn(requests: Requests): Timed {
  return (route, { method, headers }) => {
    const start = performance.now()
    return (answer) => {
      const seconds = (performance.now() - start) / 1_000
      requests.timing(method, route, answer.status).add(seconds, sampledTraceIdOf(headers))
      return answer
    }
  }
}

/** The most special pattern that matches; that of the middleware itself where nothing is served. */
const patternOf = (c: Context): string => routePath(c, -1)
