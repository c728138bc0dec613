import { Hono } from 'hono'
import { nothingHere } from '../middleware/problem-response.ts'
import type { MetricSources } from '../telemetry/prometheus.ts'
import { metrics } from './metrics.ts'

/** The metrics port: `/metrics`, and `/livez` for checks of the port itself. */
export function metricsApp(sources: MetricSources): (request: Request) => Response | Promise<Response> {
  const app = new Hono()
  app.notFound(nothingHere)
  app.get('/metrics', metrics(sources))
  app.get('/livez', (c) => c.json({ status: 'live' }))
  return (request) => app.fetch(request)
}
