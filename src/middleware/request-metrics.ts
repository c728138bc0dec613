import type { Context, MiddlewareHandler, Next } from 'hono'
import { routePath } from 'hono/route'
import type { RequestDurations } from '../telemetry/metrics.ts'
import { contextIn } from '../telemetry/trace-context.ts'
import { sampledTraceIdOf } from './tracing.ts'

const loaded = new WeakMap<RequestDurations, Promise<MiddlewareHandler>>()

/**
 * Measures requests until the head of their response with @hono/prometheus, which is loaded with the first request that it measures: loading
 * prom-client takes 15 ms of a start on Bun (compiled), and the first requests of an instance are probes and evaluations. Those are recorded
 * into the same series without it: an evaluation by its handler in 0.3 µs (Bun) and 0.6 (Node), where @hono/prometheus takes 3.1 and 4.0
 * (`npm run bench:counting`).
 */
export function requestMetrics(durations: RequestDurations, isProbe: (c: Context) => boolean): MiddlewareHandler {
  return async (c, next) => {
    if (isProbe(c)) return record(durations, c, next)
    const measure = loaded.get(durations) ?? load(durations)
    return (await measure)(c, next)
  }
}

function load(durations: RequestDurations): Promise<MiddlewareHandler> {
  const measure = import('./prometheus.ts').then(({ measureInto }) => measureInto(durations))
  loaded.set(durations, measure)
  measure.catch(() => loaded.delete(durations)) // the next request tries again
  return measure
}

async function record(durations: RequestDurations, c: Context, next: Next): Promise<void> {
  const start = performance.now()
  await next()
  const traceId = sampledTraceIdOf(contextIn(c.req.raw.headers))
  durations.of(c.req.method, routePath(c, -1), c.res.status).add((performance.now() - start) / 1_000, traceId)
}
