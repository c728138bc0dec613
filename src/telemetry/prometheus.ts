import { Counter as CounterMetric, Gauge, type Metric, Registry, type RegistryContentType } from 'prom-client'
import {
  BOUNDS_SECONDS,
  type Counter,
  type DurationHistogram,
  ERROR_CODES,
  type EvaluationCounts,
  type HistogramValue,
  type Labeled,
  type Metrics,
  REASONS,
} from './metrics.ts'
import { type AddMetric, addProcessMetrics, type MetricAdders, type Sample, samplesBy } from './process-metrics.ts'

type CounterReader = Readonly<Counter>
type LabeledCounters = Pick<Labeled<readonly string[], CounterReader>, 'all'>
type LabeledDurations = Pick<Labeled<readonly string[], DurationHistogram>, 'all'>
type SnapshotState = {
  readonly value: { readonly revision: bigint } | undefined
  readonly source: string
  readonly unconfirmedMs: number
}
/** The parts of a replica that are read at a scrape. */
export type MetricSources = {
  readonly metrics: Metrics
  readonly postgres: { readonly timings: LabeledDurations }
  readonly redis: { readonly timings: LabeledDurations }
  readonly snapshots: { all(): Iterable<[environment: string, snapshot: SnapshotState]> }
  readonly databaseHealth: { readonly checks: LabeledCounters }
  readonly subscriptions: { readonly isWatching: boolean }
  readonly streams: { readonly size: number; readonly ended: LabeledCounters }
  /** Open streams of gRPC, gRPC-Web and Connect. */
  readonly rpcStreams: () => number
  /** Requests in progress. */
  readonly requests: () => number
  readonly usage: { readonly failures: number; readonly unnamed: number }
  readonly database: {
    readonly load: { readonly connectionsMax: number; readonly working: number; readonly waiting: number }
  }
  readonly tracer: { readonly ended: { readonly dropped: CounterReader } }
  /** Undefined while no evaluation events are sent. */
  readonly events?: { readonly queue: { readonly dropped: CounterReader } } | undefined
}
export type AnyRegistry = Registry<RegistryContentType>

/**
 * The metrics of a replica in a registry of prom-client, which reads them at each scrape. Label values are from closed sets, or are environments, at
 * most 1,000 of them: no client can add a series, and no label names a flag.
 */
export function openRegistry(sources: MetricSources): AnyRegistry {
  const registry: AnyRegistry = new Registry<RegistryContentType>()
  const registers = [registry as Registry]
  const add =
    (make: typeof Gauge | typeof CounterMetric): AddMetric =>
    (name, help, labelNames, read) => {
      const metric = new make({ name, help, labelNames, registers, collect })
      async function collect(): Promise<void> {
        const reading = (await read()) ?? []
        metric.reset()
        const samples = typeof reading === 'number' ? [{ labels: {}, value: reading }] : reading
        for (const { labels, value } of samples) metric.inc(labels, value)
      }
    }
  const adders = { gauge: add(Gauge), counter: add(CounterMetric) }
  const addHistogram: AddHistogram = (...definition) => registry.registerMetric(histogramOf(...definition))
  addRequests(sources, adders, addHistogram)
  addSnapshots(sources, adders)
  addStores(sources, adders, addHistogram)
  addProcessMetrics(adders)
  return registry
}

function addRequests(
  { metrics, streams, ...sources }: MetricSources,
  { gauge, counter }: MetricAdders,
  add: AddHistogram,
) {
  const { http, rpc, shed, evaluations } = metrics
  add('http_request_duration_seconds', 'Requests, until the head of their response', async () => [
    ...valuesOf(http.recorded),
    ...(await http.measured()),
  ])
  add('rpc_request_duration_seconds', 'Calls over gRPC, gRPC-Web and Connect', () => valuesOf(rpc))
  gauge('flagstaff_requests_in_flight', 'Requests and unary calls under way', [], sources.requests)
  counter('flagstaff_shed_total', 'Requests and calls refused by a limit', ['reason'], () =>
    samplesBy('reason', { concurrency: shed.value }),
  )
  const labels = ['environment', 'reason', 'error_code']
  counter('flagstaff_evaluations_total', 'Evaluations of flags', labels, () => evaluationSamples(evaluations))
  gauge('flagstaff_streams', 'Open streams', ['door'], () =>
    samplesBy('door', { ofrep: streams.size, rpc: sources.rpcStreams() }),
  )
  counter('flagstaff_ofrep_streams_ended_total', 'OFREP event streams that are over', ['reason'], () =>
    samplesOf(streams.ended),
  )
  counter('flagstaff_telemetry_dropped_total', 'Spans and evaluation events that were not exported', ['signal'], () =>
    samplesBy('signal', {
      spans: sources.tracer.ended.dropped.value,
      exposures: sources.events?.queue.dropped.value ?? 0,
    }),
  )
}

function addSnapshots(
  { metrics, snapshots, databaseHealth, subscriptions }: MetricSources,
  { gauge, counter }: MetricAdders,
) {
  const loaded = (read: (snapshot: SnapshotState) => number) =>
    Array.from(snapshots.all())
      .filter(([, { value }]) => value !== undefined)
      .map(([environment, snapshot]) => ({ labels: { environment }, snapshot, value: read(snapshot) }))
  gauge('flagstaff_snapshot_revision', 'Revision that is served', ['environment'], () =>
    loaded(({ value }) => Number(value?.revision)),
  )
  const age = 'Time since Redis or Postgres confirmed that this is the newest revision'
  gauge('flagstaff_snapshot_age_seconds', age, ['environment'], () =>
    loaded(({ unconfirmedMs }) => unconfirmedMs / 1_000),
  )
  const source = 'Source of the last confirmation; "memory" when neither store could be reached'
  gauge('flagstaff_snapshot_source', source, ['environment', 'source'], () =>
    loaded(() => 1).map(({ labels, snapshot, value }) => ({ labels: { ...labels, source: snapshot.source }, value })),
  )
  counter('flagstaff_freshness_checks_total', 'Checks for a newer revision', ['source', 'result'], () =>
    samplesOf(databaseHealth.checks),
  )
  counter(
    'flagstaff_invalidations_received_total',
    'Invalidations from other replicas',
    [],
    () => metrics.invalidations.value,
  )
  const subscribed = 'Whether invalidations are subscribed to: 1 while streams are open'
  gauge('flagstaff_invalidations_subscribed', subscribed, [], () => Number(subscriptions.isWatching))
}

function addStores(
  { metrics, postgres, redis, database, usage }: MetricSources,
  { gauge, counter }: MetricAdders,
  add: AddHistogram,
) {
  add('flagstaff_postgres_call_duration_seconds', 'Reads and transactions, waiting included', () =>
    valuesOf(postgres.timings),
  )
  const connections = 'Largest number of connections'
  gauge('flagstaff_postgres_connections_max', connections, [], () => database.load.connectionsMax)
  gauge('flagstaff_postgres_work', 'Reads and transactions under way', ['state'], () =>
    samplesBy('state', { working: database.load.working, waiting: database.load.waiting }),
  )
  add('flagstaff_redis_call_duration_seconds', 'Commands about copies', () => valuesOf(redis.timings))
  const damaged = 'Copies that are foreign or incomplete'
  counter('flagstaff_redis_damaged_copies_total', damaged, [], () => metrics.damagedSnapshots.value)
  counter('flagstaff_usage_flush_failures_total', 'Failed attempts to store the usage', [], () => usage.failures)
  counter('flagstaff_usage_unnamed_total', 'Usage that found no counter of its own', [], () => usage.unnamed)
}

function* evaluationSamples(evaluations: EvaluationCounts): Iterable<Sample> {
  for (const [environment, counts] of evaluations.all()) {
    for (const reason of REASONS) yield { labels: { environment, reason, error_code: '' }, value: counts[reason] }
    for (const code of ERROR_CODES)
      yield { labels: { environment, reason: 'ERROR', error_code: code }, value: counts[code] }
  }
}

const samplesOf = (counters: LabeledCounters): Sample[] =>
  Array.from(counters.all(), ({ labels, cell }) => ({ labels, value: cell.value }))

type AddHistogram = (
  name: string,
  help: string,
  read: () => readonly HistogramValue[] | Promise<readonly HistogramValue[]>,
) => void

/** A histogram whose values are recorded elsewhere: prom-client's own accepts only single observations. */
function histogramOf(...[name, help, read]: Parameters<AddHistogram>): Metric {
  const get = async () => ({
    name,
    help,
    type: 'histogram',
    values: Array.from(await read(), ({ part, ...value }) => ({ ...value, metricName: name + part })),
  })
  return { name, help, type: 'histogram', get } as unknown as Metric
}

function valuesOf(durations: LabeledDurations): HistogramValue[] {
  return Array.from(durations.all()).flatMap(({ labels, cell }) => {
    let count = 0
    const buckets = cell.counts.map((added, bucket): HistogramValue => {
      count += added
      const le = String(BOUNDS_SECONDS[bucket] ?? '+Inf')
      return { part: '_bucket', labels: { ...labels, le }, value: count, exemplar: exemplarOf(cell, bucket) }
    })
    return [...buckets, { part: '_sum', labels, value: cell.seconds }, { part: '_count', labels, value: count }]
  })
}

function exemplarOf({ exemplars }: DurationHistogram, bucket: number): object | undefined {
  const exemplar = exemplars[bucket]
  return exemplar && { labelSet: { trace_id: exemplar.traceId }, value: exemplar.seconds, timestamp: exemplar.at }
}

/** Sets the format of a registry to OpenMetrics, which has exemplars. */
export function asOpenMetrics(registry: AnyRegistry): AnyRegistry {
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  return registry
}
