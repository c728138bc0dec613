import type { Context, Hono } from 'hono'
import { problemOf } from '../middleware/problem.ts'
import type { LogLine } from '../telemetry/log.ts'
import { parseTraceparent, traceIdAt } from '../telemetry/trace-context.ts'

export type Fetch = (request: Request) => Response | Promise<Response>

/**
 * The app for a server, loaded with the first request for it: an evaluation that wakes an instance does without. A request that cannot be
 * answered because loading failed is logged and answered as a bare 500, and so is the next.
 */
export function lazyApp(load: () => Promise<Hono>, log: LogLine): Fetch {
  let app: Hono | undefined
  let loading: Promise<Hono> | undefined
  const open = async (request: Request): Promise<Response> => {
    loading ??= load()
    try {
      app = await loading
    } catch (error) {
      const traceId = parseTraceparent(request.headers.get('traceparent'))?.traceId ?? traceIdAt(Math.random())
      log('Unexpected error', { error, method: request.method, traceId })
      const problem = problemOf(500, { code: 'internal', detail: 'Internal error' }, traceId)
      return Response.json(problem, { status: 500, headers: FAILURE_HEADERS })
    }
    return app.fetch(request)
  }
  return (request) => (app ? app.fetch(request) : open(request))
}

const FAILURE_HEADERS = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' }

/**
 * Answers with an app that is loaded with the first request for it. A request that cannot be answered because loading failed is an error
 * like any other, and so is the next.
 */
export function lazyRoutes(load: () => Promise<Hono>): (c: Context) => Promise<Response> {
  let app: Promise<Hono> | undefined
  return async (c) => {
    app ??= load()
    return (await app).fetch(c.req.raw, c.env)
  }
}
