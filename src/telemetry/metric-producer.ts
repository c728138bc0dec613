import { type HrTime, ValueType } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AggregationTemporality, DataPointType, type MetricData, type MetricProducer } from '@opentelemetry/sdk-metrics'
import type { Family, Sample } from '../telemetry/family.ts'

type Scope = { readonly name: string; readonly version: string }
type Times = { readonly startTime: HrTime; readonly endTime: HrTime }

/** The metrics of `/metrics` for OpenTelemetry's reader, which sends them where nobody can scrape. */
export function metricProducer(scope: Scope, families: () => Promise<readonly Family[]>): MetricProducer {
  const startTime = hrTime(performance.timeOrigin)
  return {
    collect: async () => {
      const times = { startTime, endTime: hrTime(Date.now()) }
      const metrics = (await families()).map((family) => metricOf(family, times))
      return {
        resourceMetrics: { resource: resourceFromAttributes({}), scopeMetrics: [{ scope, metrics }] },
        errors: [],
      }
    },
  }
}

function metricOf({ name, help, type, samples }: Family, times: Times): MetricData {
  const common = {
    descriptor: { name, description: help, unit: unitOf(name), valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  }
  if (type === 'histogram') {
    const dataPoints = histograms(samples).map((point) => ({ ...times, ...point }))
    return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints }
  }
  const dataPoints = samples.map(({ labels = {}, value }) => ({ ...times, attributes: labels, value }))
  if (type === 'gauge') return { ...common, dataPointType: DataPointType.GAUGE, dataPoints }
  return { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
}

/** Prometheus's buckets hold all below them, OpenTelemetry's only what is their own. */
function histograms(samples: readonly Sample[]) {
  const points = new Map<
    string,
    { attributes: Record<string, string>; below: number[]; bounds: number[]; sum: number }
  >()
  for (const { labels = {}, part, value } of samples) {
    const { le, ...attributes } = labels
    const key = JSON.stringify(attributes)
    const point = points.get(key) ?? { attributes, below: [], bounds: [], sum: 0 }
    points.set(key, point)
    if (part === '_sum') point.sum = value
    if (part !== '_bucket') continue
    point.below.push(value)
    if (le !== '+Inf') point.bounds.push(Number(le))
  }
  return [...points.values()].map(({ attributes, below, bounds, sum }) => ({
    attributes,
    value: {
      buckets: { boundaries: bounds, counts: below.map((count, bucket) => count - (below[bucket - 1] ?? 0)) },
      sum,
      count: below.at(-1) ?? 0,
    },
  }))
}

const UNITS = { _seconds: 's', _bytes: 'By' }

/** UCUM's word for the unit that the name ends with. */
const unitOf = (name: string): string =>
  Object.entries(UNITS).find(([end]) => name.replace(/_total$/, '').endsWith(end))?.[1] ?? '1'

/** Milliseconds as OpenTelemetry has times: seconds and nanoseconds. */
export const hrTime = (ms: number): HrTime => [Math.floor(ms / 1_000), Math.round((ms % 1_000) * 1e6)]
