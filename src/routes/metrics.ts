import { type Context, Hono } from 'hono'
import { notFound } from '../middleware/problem.ts'
import type { MetricSources } from '../telemetry/prometheus.ts'

/**
 * `GET /metrics`, in Prometheus's text format, or in OpenMetrics with exemplars. Needs no key, like the probes: metrics contain names of
 * environments but no flags. Do not expose it to the public. The registry is loaded with the first scrape, because loading prom-client
 * takes longer than the whole start.
 */
export function metrics(sources: MetricSources): (c: Context) => Promise<Response> {
  let registries: Promise<Registries> | undefined
  return async (c) => {
    registries ??= load(sources)
    const { text, openMetrics } = await registries
    const isOpenMetrics = c.req.header('accept')?.includes('application/openmetrics-text')
    const registry = isOpenMetrics ? openMetrics : text
    const headers = { 'content-type': registry.contentType, 'cache-control': 'no-store', vary: 'Accept' }
    return c.body(await registry.metrics(), 200, headers)
  }
}

type Registries = Awaited<ReturnType<typeof load>>

async function load(sources: MetricSources) {
  const { openRegistry, asOpenMetrics } = await import('../telemetry/prometheus.ts')
  // Two registries: printing one as OpenMetrics removes `_total` from the names of its counters for good.
  return { text: openRegistry(sources), openMetrics: asOpenMetrics(openRegistry(sources)) }
}

/** The metrics port: `/metrics`, and `/livez` for checks of the port itself. */
export function metricsApp(sources: MetricSources): (request: Request) => Response | Promise<Response> {
  const app = new Hono().get('/metrics', metrics(sources)).get('/livez', (c) => c.json({ status: 'live' }))
  app.notFound(notFound)
  return (request) => app.fetch(request)
}
