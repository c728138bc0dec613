import type { Context, MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import type { AccessLog } from '../telemetry/log.ts'
import type { Tracer } from '../telemetry/tracer.ts'

export type AccessLogOptions = {
  readonly tracer: Tracer | undefined
  readonly actorOf: (c: Context) => string | undefined
}

/** Logs a request with the log that `logFor` returns for it, when the head of its response is ready. */
export function accessLog(logFor: (c: Context) => AccessLog, { tracer, actorOf }: AccessLogOptions): MiddlewareHandler {
  return async (c, next) => {
    const log = logFor(c)
    if (!log) return next()
    const start = performance.now()
    await next()
    const { method, path } = c.req
    const seconds = (performance.now() - start) / 1_000
    log({
      method,
      route: routePath(c, -1),
      path,
      status: c.res.status,
      seconds,
      actor: actorOf(c),
      span: tracer?.active,
    })
  }
}
