import { type HrTime, ValueType } from '@opentelemetry/api'
import { type InstrumentationScope, millisToHrTime } from '@opentelemetry/core'
import { emptyResource } from '@opentelemetry/resources'
import { AggregationTemporality, DataPointType, type MetricData, type MetricProducer } from '@opentelemetry/sdk-metrics'
import type { AnyRegistry } from './prometheus.ts'

type Interval = { readonly startTime: HrTime; readonly endTime: HrTime }
/** A metric as the registry returns it; the series of a histogram have Prometheus's names. */
type Collected = Omit<Awaited<ReturnType<AnyRegistry['getMetricsAsJSON']>>[number], 'type' | 'values'> & {
  readonly type: unknown
  readonly values: readonly {
    readonly labels: MetricAttributes
    readonly value: number
    readonly metricName?: string
  }[]
}
type MetricAttributes = Partial<Record<string, string | number>>

/** Reads the metrics of a registry for OpenTelemetry's metric reader. */
export function metricProducer(scope: InstrumentationScope, registry: AnyRegistry): MetricProducer {
  const startTime = millisToHrTime(performance.timeOrigin)
  return {
    collect: async () => {
      const interval = { startTime, endTime: millisToHrTime(Date.now()) }
      const metrics = (await registry.getMetricsAsJSON()).map((metric) => metricOf(metric, interval))
      return { resourceMetrics: { resource: emptyResource(), scopeMetrics: [{ scope, metrics }] }, errors: [] }
    },
  }
}

function metricOf({ name, help, type, values }: Collected, interval: Interval): MetricData {
  const common = {
    descriptor: { name, description: help, unit: unitOf(name), valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  }
  if (type === 'histogram') {
    const dataPoints = histograms(values).map((point) => ({ ...interval, ...point }))
    return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints }
  }
  const dataPoints = values.map(({ labels, value }) => ({ ...interval, attributes: labels, value }))
  if (type === 'gauge') return { ...common, dataPointType: DataPointType.GAUGE, dataPoints }
  return { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
}

/** `counts` are cumulative. */
type HistogramPoint = { readonly attributes: MetricAttributes; counts: number[]; bounds: number[]; sum: number }

/** Prometheus's buckets are cumulative, OpenTelemetry's are not. */
function histograms(values: Collected['values']) {
  const points = new Map<string, HistogramPoint>()
  for (const { labels, metricName = '', value } of values) {
    const { le, ...attributes } = labels
    const key = JSON.stringify(attributes)
    const point = points.get(key) ?? { attributes, counts: [], bounds: [], sum: 0 }
    points.set(key, point)
    if (metricName.endsWith('_sum')) point.sum = value
    if (le === undefined) continue
    point.counts.push(value)
    if (le !== '+Inf') point.bounds.push(Number(le))
  }
  return Array.from(points.values(), ({ attributes, counts, bounds, sum }) => ({
    attributes,
    value: {
      buckets: { boundaries: bounds, counts: counts.map((count, bucket) => count - (counts[bucket - 1] ?? 0)) },
      sum,
      count: counts.at(-1) ?? 0,
    },
  }))
}

const UNITS = { _seconds: 's', _bytes: 'By' }

/** The UCUM symbol for the unit at the end of a name. */
const unitOf = (name: string): string =>
  Object.entries(UNITS).find(([end]) => name.replace(/_total$/, '').endsWith(end))?.[1] ?? '1'
