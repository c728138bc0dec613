import { type Context, Hono } from 'hono'
import { nothingHere } from '../middleware/problem.ts'
import type { MetricSources } from '../telemetry/prometheus.ts'

/**
 * `GET /metrics`, in Prometheus's text format, or in OpenMetrics with exemplars. It needs no key, like the probes: it names environments and no
 * flags, and is not for the public. The registry is loaded with the first scrape, because prom-client takes longer to load than the service to
 * start.
 */
export function metrics(sources: MetricSources): (c: Context) => Promise<Response> {
  let registries: Promise<Registries> | undefined
  return async (c) => {
    registries ??= load(sources)
    const { text, openMetrics } = await registries
    const isOpenMetrics = c.req.header('accept')?.includes('application/openmetrics-text')
    const registry = isOpenMetrics ? openMetrics : text
    return c.body(await registry.metrics(), 200, {
      'content-type': registry.contentType,
      'cache-control': 'no-store',
      vary: 'Accept',
    })
  }
}

type Registries = Awaited<ReturnType<typeof load>>

async function load(sources: MetricSources) {
  const { openRegistry, speakOpenMetrics } = await import('../telemetry/prometheus.ts')
  // Two: printing OpenMetrics takes `_total` off the names of a registry's counters for good.
  return { text: openRegistry(sources), openMetrics: speakOpenMetrics(openRegistry(sources)) }
}

/** The metrics port: `/metrics`, and `/livez` for checks of the port itself. */
export function metricsApp(sources: MetricSources): (request: Request) => Response | Promise<Response> {
  const app = new Hono()
  app.notFound(nothingHere)
  app.get('/metrics', metrics(sources))
  app.get('/livez', (c) => c.json({ status: 'live' }))
  return (request) => app.fetch(request)
}
