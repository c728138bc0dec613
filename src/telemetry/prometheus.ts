import { Counter, Gauge, type Metric, Registry, type RegistryContentType } from 'prom-client'
import {
  BOUNDS_SECONDS,
  type DurationHistogram,
  type EvaluationCounts,
  type HistogramValue,
  type Labeled,
  type Metrics,
  type Outcome,
} from './metrics.ts'
import { type Add, type Adding, addProcessMetrics, one, type Sample } from './process-metrics.ts'

type Size = { readonly size: number }
type Count = { readonly value: number }
type Counts = Pick<Labeled<readonly string[], Count>, 'all'>
type Durations = Pick<Labeled<readonly string[], DurationHistogram>, 'all'>
/** A snapshot that this replica may hold. */
type Held = {
  readonly value: { readonly revision: bigint } | undefined
  readonly source: string
  readonly unconfirmedMs: number
}
/** Everything that is read at a scrape. */
export type MetricSources = {
  readonly metrics: Metrics
  readonly postgres: { readonly timings: Durations }
  readonly redis: { readonly timings: Durations }
  readonly snapshots: { all(): Iterable<[environment: string, snapshot: Held]> }
  readonly databaseHealth: { readonly checks: Counts }
  readonly subscriptions: { readonly isWatching: boolean }
  readonly streams: Size & { readonly ended: Counts }
  /** Streams that are open over gRPC, gRPC-Web and Connect. */
  readonly rpcStreams: () => number
  /** Requests that are under way. */
  readonly requests: () => number
  readonly usage: { readonly failures: number; readonly unnamed: number }
  readonly database: {
    readonly load: { readonly connectionsMax: number; readonly working: number; readonly waiting: number }
  }
  readonly tracer: { readonly ended: { readonly dropped: Count } }
  /** Undefined where no evaluation events are sent. */
  readonly events?: { readonly pending: { readonly dropped: Count } } | undefined
}
export type AnyRegistry = Registry<RegistryContentType>

/**
 * The metrics of a replica in a registry of prom-client, which reads them when it is scraped. Every label has a closed set of values or is an
 * environment, of which at most 1,000 are held: nothing that a client invents stands here, and no flag does.
 */
export function openRegistry(sources: MetricSources): AnyRegistry {
  const registry: AnyRegistry = new Registry<RegistryContentType>()
  const registers = [registry as Registry]
  const add =
    (make: typeof Gauge | typeof Counter): Add =>
    (name, help, labelNames, read) => {
      const metric = new make({ name, help, labelNames, registers, collect })
      async function collect(): Promise<void> {
        const samples = await read()
        metric.reset()
        for (const { labels, value } of samples) metric.inc(labels, value)
      }
    }
  const adding = { gauge: add(Gauge), counter: add(Counter) }
  const addHistogram: AddHistogram = (...given) => registry.registerMetric(histogramOf(...given))
  addRequests(sources, adding, addHistogram)
  addSnapshots(sources, adding)
  addStores(sources, adding, addHistogram)
  addProcessMetrics(adding)
  return registry
}

function addRequests({ metrics, streams, ...sources }: MetricSources, { gauge, counter }: Adding, add: AddHistogram) {
  const { http, rpc, shed, evaluations } = metrics
  add('http_request_duration_seconds', 'Requests, until the head of their response', async () => [
    ...valuesOf(http.recorded),
    ...(await http.measured()),
  ])
  add('rpc_request_duration_seconds', 'Calls over gRPC, gRPC-Web and Connect', () => valuesOf(rpc))
  gauge('flagstaff_requests_in_flight', 'Requests and unary calls under way', [], () => one(sources.requests()))
  counter('flagstaff_shed_total', 'Requests and calls refused by a bound', ['reason'], () => [
    { labels: { reason: 'concurrency' }, value: shed.concurrency.value },
    { labels: { reason: 'delay' }, value: shed.delay.value },
  ])
  counter('flagstaff_evaluations_total', 'Evaluations of flags', ['environment', 'reason', 'error_code'], () =>
    evaluationSamples(evaluations),
  )
  gauge('flagstaff_streams', 'Open streams', ['door'], () => [
    { labels: { door: 'ofrep' }, value: streams.size },
    { labels: { door: 'rpc' }, value: sources.rpcStreams() },
  ])
  counter('flagstaff_ofrep_streams_ended_total', 'OFREP event streams that are over', ['reason'], () =>
    samplesOf(streams.ended),
  )
  counter('flagstaff_telemetry_dropped_total', 'Spans and evaluation events that were not exported', ['signal'], () => [
    { labels: { signal: 'spans' }, value: sources.tracer.ended.dropped.value },
    { labels: { signal: 'exposures' }, value: sources.events?.pending.dropped.value ?? 0 },
  ])
}

function addSnapshots(
  { metrics, snapshots, databaseHealth, subscriptions }: MetricSources,
  { gauge, counter }: Adding,
) {
  const held = function* (sampleOf: (held: Held, revision: bigint) => Sample): Iterable<Sample> {
    for (const [environment, each] of snapshots.all()) {
      if (!each.value) continue
      const { labels, value } = sampleOf(each, each.value.revision)
      yield { labels: { environment, ...labels }, value }
    }
  }
  gauge('flagstaff_snapshot_revision', 'Revision that is served', ['environment'], () =>
    held((_, revision) => ({ labels: {}, value: Number(revision) })),
  )
  gauge(
    'flagstaff_snapshot_age_seconds',
    'Time since Redis or Postgres confirmed that this is the newest revision',
    ['environment'],
    () => held(({ unconfirmedMs }) => ({ labels: {}, value: unconfirmedMs / 1_000 })),
  )
  gauge(
    'flagstaff_snapshot_source',
    'Source of the last confirmation; "memory" when neither store could be reached',
    ['environment', 'source'],
    () => held(({ source }) => ({ labels: { source }, value: 1 })),
  )
  counter('flagstaff_freshness_checks_total', 'Checks for a newer revision', ['source', 'result'], () =>
    samplesOf(databaseHealth.checks),
  )
  counter('flagstaff_hints_received_total', 'Hints of other replicas', [], () => one(metrics.hints.value))
  gauge('flagstaff_hints_wanted', 'Whether hints are subscribed to: 1 while streams are open', [], () =>
    one(+subscriptions.isWatching),
  )
}

function addStores(
  { metrics, postgres, redis, database, usage }: MetricSources,
  { gauge, counter }: Adding,
  add: AddHistogram,
) {
  add('flagstaff_postgres_call_duration_seconds', 'Reads and transactions, waiting included', () =>
    valuesOf(postgres.timings),
  )
  gauge('flagstaff_postgres_connections_max', 'Largest number of connections', [], () =>
    one(database.load.connectionsMax),
  )
  gauge('flagstaff_postgres_work', 'Reads and transactions under way', ['state'], () => [
    { labels: { state: 'working' }, value: database.load.working },
    { labels: { state: 'waiting' }, value: database.load.waiting },
  ])
  add('flagstaff_redis_call_duration_seconds', 'Commands about copies', () => valuesOf(redis.timings))
  counter('flagstaff_redis_damaged_copies_total', 'Copies that are foreign or incomplete', [], () =>
    one(metrics.damagedCopies.value),
  )
  counter('flagstaff_usage_flush_failures_total', 'Failed attempts to store the usage', [], () => one(usage.failures))
  counter('flagstaff_usage_unnamed_total', 'Usage that found no counter of its own', [], () => one(usage.unnamed))
}

const REASONS: readonly Outcome[] = ['STATIC', 'DEFAULT', 'TARGETING_MATCH', 'DISABLED']
const ERROR_CODES: readonly Outcome[] = ['FLAG_NOT_FOUND', 'PARSE_ERROR', 'TYPE_MISMATCH', 'GENERAL']

function* evaluationSamples(evaluations: EvaluationCounts): Iterable<Sample> {
  for (const [environment, outcomes] of evaluations.all()) {
    for (const reason of REASONS) yield { labels: { environment, reason, error_code: '' }, value: outcomes[reason] }
    for (const code of ERROR_CODES)
      yield { labels: { environment, reason: 'ERROR', error_code: code }, value: outcomes[code] }
  }
}

const samplesOf = (counts: Counts): Sample[] =>
  Array.from(counts.all(), ({ labels, cell }) => ({ labels, value: cell.value }))

type AddHistogram = (
  name: string,
  help: string,
  read: () => readonly HistogramValue[] | Promise<readonly HistogramValue[]>,
) => void

/** A histogram that is recorded elsewhere: prom-client's own can only be observed, one value at a time. */
function histogramOf(...[name, help, read]: Parameters<AddHistogram>): Metric {
  const get = async () => ({
    name,
    help,
    type: 'histogram',
    values: Array.from(await read(), ({ part, ...value }) => ({ ...value, metricName: name + part })),
  })
  return { name, help, type: 'histogram', get } as unknown as Metric
}

function valuesOf(durations: Durations): HistogramValue[] {
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

/** Makes a registry print OpenMetrics, with exemplars. */
export function speakOpenMetrics(registry: AnyRegistry): AnyRegistry {
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  return registry
}
