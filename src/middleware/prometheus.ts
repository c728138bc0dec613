import { prometheus } from '@hono/prometheus'
import type { Context, MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import { type Histogram, Registry } from 'prom-client'
import { BOUNDS_SECONDS, type HistogramValue, methodLabel, type RequestDurations } from '../telemetry/metrics.ts'

const NAME = 'http_request_duration_seconds'

/** The middleware of @hono/prometheus, with its histogram as a part of `durations`. Method and route are our own labels, from closed sets. */
export function measureInto(durations: RequestDurations): MiddlewareHandler {
  const registry = new Registry()
  const requestDuration = {
    name: NAME,
    buckets: [...BOUNDS_SECONDS],
    customLabels: { method: ({ req }: Context) => methodLabel(req.method), route: (c: Context) => routePath(c, -1) },
  }
  const metricOptions = { requestDuration, requestsTotal: { disabled: true } }
  const { registerMetrics } = prometheus({ registry, metricOptions })
  const histogram = registry.getSingleMetric(NAME) as Histogram
  durations.measured = async () => (await histogram.get()).values.map(histogramValue)
  return registerMetrics
}

type HistogramSample = Awaited<ReturnType<Histogram['get']>>['values'][number]

/** Drops the label `ok` of @hono/prometheus, which repeats the status. */
function histogramValue({ metricName = '', labels, value }: HistogramSample): HistogramValue {
  const { method, route, status, le } = labels
  return {
    part: metricName.slice(NAME.length),
    labels: {
      method: String(method),
      route: String(route),
      status: String(status),
      ...(le !== undefined && { le: String(le) }),
    },
    value,
  }
}
