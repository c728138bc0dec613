import { Hono } from 'hono'
import type { Metrics } from './families.ts'
import { metrics } from './metrics.ts'
import { nothingHere } from './problem-answer.ts'

/** What the metrics port serves: `/metrics`, and a liveness probe for whoever checks ports. */
export function metricsApp(asked: Metrics): (request: Request) => Response | Promise<Response> {
  const app = new Hono()
  app.notFound(nothingHere)
  app.get('/metrics', metrics(asked))
  app.get('/livez', (c) => c.json({ status: 'live' }))
  return (request) => app.fetch(request)
}
