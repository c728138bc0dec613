import { prometheus } from '@hono/prometheus'
import type { Context } from 'hono'
import { type Metric, Registry, type RegistryContentType } from 'prom-client'
import type { Family, Sample } from '../telemetry/family.ts'

/** The package's own counting stays off: what it would count is counted (docs/decisions/0007-metrics.md). */
const OFF = { requestDuration: { disabled: true }, requestsTotal: { disabled: true } }

/** Answers with these families in Prometheus's text format, or in OpenMetrics, with exemplars, for whoever takes that. */
export async function print(c: Context, families: readonly Family[]): Promise<Response> {
  // A new one each time: printing OpenMetrics takes the `_total` off a registry's counters for good.
  const registry = new Registry()
  for (const family of families) registry.registerMetric(metricOf(family))
  if (c.req.header('accept')?.includes('application/openmetrics-text')) speakOpenMetrics(registry)
  const answer = await prometheus({ registry, metricOptions: OFF }).printMetrics(c)
  answer.headers.set('content-type', registry.contentType)
  answer.headers.set('cache-control', 'no-store')
  answer.headers.set('vary', 'Accept')
  return answer
}

function speakOpenMetrics(registry: Registry<RegistryContentType>): void {
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
}

/** What a registry needs of a metric to print it. Its own metrics count for themselves, and its types know no others. */
function metricOf({ name, type, help, samples }: Family): Metric {
  const metric = {
    name,
    type,
    get: () =>
      Promise.resolve({ name: metric.name, type, help, values: samples.map((sample) => printable(name, sample)) }),
  }
  return metric as unknown as Metric
}

function printable(name: string, { value, labels = {}, part, exemplar }: Sample) {
  return {
    value,
    labels,
    ...(part && { metricName: name + part }),
    ...(exemplar && {
      exemplar: { labelSet: { trace_id: exemplar.traceId }, value: exemplar.seconds, timestamp: exemplar.at },
    }),
  }
}
