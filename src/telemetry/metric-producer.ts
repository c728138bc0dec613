import { type HrTime, ValueType } from '@opentelemetry/api'
import { millisToHrTime } from '@opentelemetry/core'
import { emptyResource } from '@opentelemetry/resources'
import { AggregationTemporality, DataPointType, type MetricData, type MetricProducer } from '@opentelemetry/sdk-metrics'
import type { AnyRegistry } from './prometheus.ts'

type Scope = { readonly name: string; readonly version: string }
type Times = { readonly startTime: HrTime; readonly endTime: HrTime }
/** A metric as the registry returns it; the series of a histogram have the names that Prometheus gives them. */
type Collected = Omit<Awaited<ReturnType<AnyRegistry['getMetricsAsJSON']>>[number], 'type' | 'values'> & {
  readonly type: unknown
  readonly values: readonly { readonly labels: Attributes; readonly value: number; readonly metricName?: string }[]
}
type Attributes = Partial<Record<string, string | number>>

/** Reads the metrics of a registry for OpenTelemetry's reader, which sends them where a scraper cannot reach each replica. */
export function metricProducer(scope: Scope, registry: AnyRegistry): MetricProducer {
  const startTime = millisToHrTime(performance.timeOrigin)
  return {
    collect: async () => {
      const times = { startTime, endTime: millisToHrTime(Date.now()) }
      const metrics = (await registry.getMetricsAsJSON()).map((metric) => metricOf(metric, times))
      return { resourceMetrics: { resource: emptyResource(), scopeMetrics: [{ scope, metrics }] }, errors: [] }
    },
  }
}

function metricOf({ name, help, type, values }: Collected, times: Times): MetricData {
  const common = {
    descriptor: { name, description: help, unit: unitOf(name), valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  }
  if (type === 'histogram') {
    const dataPoints = histograms(values).map((point) => ({ ...times, ...point }))
    return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints }
  }
  const dataPoints = values.map(({ labels, value }) => ({ ...times, attributes: labels, value }))
  if (type === 'gauge') return { ...common, dataPointType: DataPointType.GAUGE, dataPoints }
  return { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
}

type Histogram = { readonly attributes: Attributes; readonly below: number[]; readonly bounds: number[]; sum: number }

/** A bucket of Prometheus includes all smaller ones, one of OpenTelemetry does not. */
function histograms(values: Collected['values']) {
  const points = new Map<string, Histogram>()
  for (const { labels, metricName = '', value } of values) {
    const { le, ...attributes } = labels
    const key = JSON.stringify(attributes)
    const point = points.get(key) ?? { attributes, below: [], bounds: [], sum: 0 }
    points.set(key, point)
    if (metricName.endsWith('_sum')) point.sum = value
    if (le === undefined) continue
    point.below.push(value)
    if (le !== '+Inf') point.bounds.push(Number(le))
  }
  return Array.from(points.values(), ({ attributes, below, bounds, sum }) => ({
    attributes,
    value: {
      buckets: { boundaries: bounds, counts: below.map((count, bucket) => count - (below[bucket - 1] ?? 0)) },
      sum,
      count: below.at(-1) ?? 0,
    },
  }))
}

const UNITS = { _seconds: 's', _bytes: 'By' }

/** UCUM's symbol for the unit that the name ends with. */
const unitOf = (name: string): string =>
  Object.entries(UNITS).find(([end]) => name.replace(/_total$/, '').endsWith(end))?.[1] ?? '1'
