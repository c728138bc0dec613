import type { Evaluations, Outcome } from '../snapshot/evaluations.ts'
import type { Following } from '../snapshot/following.ts'
import type { Snapshots } from '../snapshot/snapshots.ts'
import type { Standing } from '../snapshot/standing.ts'
import type { Usage } from '../snapshot/usage.ts'
import type { Database } from '../store/database.ts'
import type { EvaluationEvents } from '../telemetry/evaluation-events.ts'
import type { Family, Sample } from '../telemetry/family.ts'
import { BOUNDS_SECONDS, type Counter, type Tally, type Timing } from '../telemetry/tally.ts'
import type { Tracer } from '../telemetry/tracer.ts'
import type { Counts } from './counts.ts'
import type { Streams } from './streams.ts'

/** Whom `/metrics` asks. */
export type Metrics = {
  readonly counts: Counts
  readonly snapshots: Pick<Snapshots, 'all'>
  readonly standing: Pick<Standing, 'checks'>
  readonly following: Pick<Following, 'isWatching'>
  readonly streams: Pick<Streams, 'size' | 'ended'>
  /** Streams that are open over gRPC, gRPC-Web and Connect. */
  readonly rpcStreams: () => number
  /** Requests that are under way. */
  readonly requests: () => number
  readonly usage: Pick<Usage, 'failures' | 'unnamed'>
  readonly database: Pick<Database, 'load'>
  readonly tracer: Pick<Tracer, 'ended'>
  /** Undefined where none are sent. */
  readonly events?: Pick<EvaluationEvents, 'pending'> | undefined
}

/**
 * What a replica knows of its work. Every label has a closed set of values or is an environment, of which at most 1,000 are held: nothing
 * that a client makes up stands here, and no flag does.
 */
export function families(asked: Metrics): Family[] {
  const { counts, snapshots, standing, following, streams, usage, database, tracer, events } = asked
  return [
    histogram('http_request_duration_seconds', 'Requests, until the head of their answer', counts.requests.timings),
    histogram('rpc_request_duration_seconds', 'Calls over gRPC, gRPC-Web and Connect', counts.rpc),
    gauge('flagstaff_requests_in_flight', 'Requests and unary calls under way', one(asked.requests())),
    counter('flagstaff_shed_total', 'Requests and calls refused by a bound', [
      { labels: { reason: 'concurrency' }, value: counts.shed.concurrency.value },
      { labels: { reason: 'delay' }, value: counts.shed.delay.value },
    ]),
    counter('flagstaff_evaluations_total', 'Evaluations of flags', evaluationSamples(counts.evaluations)),
    ...snapshotFamilies(snapshots),
    counter(
      'flagstaff_freshness_checks_total',
      'Questions for a newer revision, by who answered',
      tallied(standing.checks),
    ),
    counter('flagstaff_hints_received_total', 'Hints of other replicas', one(counts.hints.value)),
    gauge(
      'flagstaff_hints_wanted',
      'Whether hints are listened to: 1 while streams are open',
      one(+following.isWatching),
    ),
    gauge('flagstaff_streams', 'Open streams', [
      { labels: { door: 'ofrep' }, value: streams.size },
      { labels: { door: 'rpc' }, value: asked.rpcStreams() },
    ]),
    counter('flagstaff_ofrep_streams_ended_total', 'OFREP event streams that are over', tallied(streams.ended)),
    histogram(
      'flagstaff_postgres_call_duration_seconds',
      'Reads and transactions, waiting included',
      counts.postgres.timings,
    ),
    ...poolFamilies(database),
    histogram('flagstaff_redis_call_duration_seconds', 'Commands about copies', counts.redis.timings),
    counter('flagstaff_redis_damaged_copies_total', 'Copies not ours or not whole', one(counts.damagedCopies.value)),
    counter('flagstaff_usage_flush_failures_total', 'Failed tries to store the usage', one(usage.failures)),
    counter('flagstaff_usage_unnamed_total', 'Usage that found no counter of its own', one(usage.unnamed)),
    counter('flagstaff_telemetry_dropped_total', 'Spans and exposures that no collector took in time', [
      { labels: { signal: 'spans' }, value: tracer.ended.dropped.value },
      { labels: { signal: 'exposures' }, value: events?.pending.dropped.value ?? 0 },
    ]),
  ]
}

function snapshotFamilies(snapshots: Metrics['snapshots']): Family[] {
  const held = [...snapshots.all()].flatMap(([environment, { value, source, unconfirmedMs }]) =>
    value ? [{ environment, revision: Number(value.revision), source, ageSeconds: unconfirmedMs / 1_000 }] : [],
  )
  return [
    gauge(
      'flagstaff_snapshot_revision',
      'Revision that is served',
      held.map(({ environment, revision }) => ({ labels: { environment }, value: revision })),
    ),
    gauge(
      'flagstaff_snapshot_age_seconds',
      'Time since Redis or Postgres said that this is the newest revision',
      held.map(({ environment, ageSeconds }) => ({ labels: { environment }, value: ageSeconds })),
    ),
    gauge(
      'flagstaff_snapshot_source',
      'Who said so last; "memory" when neither could be asked',
      held.map(({ environment, source }) => ({ labels: { environment, source }, value: 1 })),
    ),
  ]
}

function poolFamilies({ load }: Metrics['database']): Family[] {
  return [
    gauge('flagstaff_postgres_connections_max', 'Largest number of connections', one(load.connectionsMax)),
    gauge('flagstaff_postgres_work', 'Reads and transactions under way', [
      { labels: { state: 'working' }, value: load.working },
      { labels: { state: 'waiting' }, value: load.waiting },
    ]),
  ]
}

const REASONS: readonly Outcome[] = ['STATIC', 'DEFAULT', 'TARGETING_MATCH', 'DISABLED']
const ERROR_CODES: readonly Outcome[] = ['FLAG_NOT_FOUND', 'PARSE_ERROR', 'TYPE_MISMATCH', 'GENERAL']

function evaluationSamples(evaluations: Evaluations): Sample[] {
  return [...evaluations.all()].flatMap(([environment, outcomes]) => [
    ...REASONS.map((reason) => ({ labels: { environment, reason, error_code: '' }, value: outcomes[reason] })),
    ...ERROR_CODES.map((code) => ({
      labels: { environment, reason: 'ERROR', error_code: code },
      value: outcomes[code],
    })),
  ])
}

/** One sample without labels. */
export const one = (value: number): Sample[] => [{ value }]

export const counter = (name: string, help: string, samples: Sample[]): Family => ({
  name,
  type: 'counter',
  help,
  samples,
})
export const gauge = (name: string, help: string, samples: Sample[]): Family => ({ name, type: 'gauge', help, samples })

const tallied = (tally: Pick<Tally<readonly string[], Counter>, 'all'>): Sample[] =>
  [...tally.all()].map(({ labels, cell }) => ({ labels, value: cell.value }))

function histogram(name: string, help: string, tally: Pick<Tally<readonly string[], Timing>, 'all'>): Family {
  const samples = [...tally.all()].flatMap(({ labels, cell }) => {
    let count = 0
    const buckets = cell.counts.map((added, bucket): Sample => {
      count += added
      const le = String(BOUNDS_SECONDS[bucket] ?? '+Inf')
      return { part: '_bucket', labels: { ...labels, le }, value: count, exemplar: cell.exemplars[bucket] }
    })
    const sum: Sample = { part: '_sum', labels, value: cell.seconds }
    return [...buckets, sum, { part: '_count', labels, value: count } satisfies Sample]
  })
  return { name, type: 'histogram', help, samples }
}
