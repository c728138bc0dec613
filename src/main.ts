import './server/signals.ts' // first, so that no signal is lost while the rest begins
import { type AppDependencies, app } from './app.ts'
import { authenticator, KeyCache } from './cache/authenticator.ts'
import { BOUNDARY_CLOCK } from './cache/boundary-timer.ts'
import { evaluationRecorder } from './cache/evaluation-recorder.ts'
import { DatabaseHealth } from './cache/freshness.ts'
import type { Principal } from './cache/key-set.ts'
import { Snapshots } from './cache/snapshots.ts'
import { Subscriptions } from './cache/subscriptions.ts'
import { Usage } from './cache/usage.ts'
import { readConfig, TRIAL_FLAG_SET_ID } from './config/config.ts'
import { enrichWith } from './flag/evaluate.ts'
import { lazyRpc } from './grpc/lazy.ts'
import { MANAGEMENT_BYTES_MAX } from './middleware/body-limit.ts'
import { StoreCalls } from './repository/calls.ts'
import { openDatabase } from './repository/postgres/database.ts'
import { openRedis } from './repository/redis/client.ts'
import { invalidationsIn } from './repository/redis/invalidation.ts'
import { snapshotStoreIn, timedSnapshotStore } from './repository/redis/snapshot-store.ts'
import { eventStreams } from './routes/ofrep/stream-token.ts'
import { Streams } from './routes/ofrep/streams.ts'
import { CONSOLE, MANAGEMENT } from './routes/paths.ts'
import { wakefulClock } from './server/clock.ts'
import { pause, shutDown } from './server/graceful-shutdown.ts'
import { listen } from './server/listen.ts'
import { overload } from './server/overload.ts'
import { ConcurrencyLimit, limited } from './server/requests.ts'
import { stopped } from './server/signals.ts'
import { orExit } from './server/start.ts'
import { EvaluationEvents } from './telemetry/evaluation-events.ts'
import { exportTelemetry } from './telemetry/export.ts'
import { accessLogs, createLog, openOutput, rateLimited } from './telemetry/log.ts'
import { newMetrics } from './telemetry/metrics.ts'
import type { MetricSources } from './telemetry/prometheus.ts'
import { Tracer } from './telemetry/tracer.ts'

/** During an outage of a store, each failed call would be a log line. */
const COMPLAINT_MS = 10_000

const write = openOutput()
const config = orExit(() => readConfig(process.env))
const { traces, evaluationEvents } = config.telemetry
const tracer = new Tracer({ sampling: traces?.sampling, capacity: traces?.capacity })
const log = createLog({
  level: config.logLevel,
  write,
  now: () => new Date(),
  span: () => tracer.active,
})
for (const reason of config.warnings) log.warn('A variable is ignored', { reason })

const metrics = newMetrics()
const calls = { postgres: new StoreCalls('postgresql', tracer), redis: new StoreCalls('redis', tracer) }
const database = await orExit(async () =>
  config.mode === 'trial'
    ? (await import('./trial/database.ts')).openTrialDatabase(config.folder, calls.postgres)
    : openDatabase(config.database, calls.postgres),
)
const redis = config.redis && openRedis(config.redis, () => tracer.active?.traceparent)
const onDamage = (name: string) => {
  metrics.damagedSnapshots.value += 1
  log.warn('A copy in Redis is damaged or foreign', { name })
}
const snapshotStore = redis && timedSnapshotStore(snapshotStoreIn(redis.send, onDamage), calls.redis)
const { freshnessMs, truthCheckMs } = config
const wallNow = Date.now
const now = wakefulClock({ monotonic: () => performance.now(), wall: wallNow }, (jumpMs) => {
  log.warn('The clock jumped, as after a suspension: connections are reopened', { jumpMs })
  database.reset()
  redis?.reset()
})
const databaseHealth = new DatabaseHealth()
const complain = rateLimited(log.warn, { everyMs: COMPLAINT_MS, now: () => performance.now() })
const replication = { snapshotStore, freshnessMs, truthCheckMs, now, wallNow, databaseHealth, tracer, log: complain }
const snapshots = new Snapshots(replication, async (flagSetId, since) =>
  (await import('./repository/postgres/load-environment.ts')).loadEnvironment(database, flagSetId, since),
)
const usage = new Usage({
  write: async (batch) => (await import('./repository/postgres/usage.ts')).writeUsage(database, batch),
  replica: crypto.randomUUID(),
  log: log.warn,
})
const keys = new KeyCache(
  replication,
  async (since) => (await import('./repository/postgres/keys.ts')).readKeys(database, since),
  { adminSecret: config.adminKey, wallNow, noteUse: usage.noteKeyUse.bind(usage) },
)

const subscriptions = new Subscriptions({
  replicated: (flagSetId) => snapshots.replicated(flagSetId),
  invalidations: config.redis && invalidationsIn(config.redis, log.warn, metrics.invalidations),
  checkMs: freshnessMs,
  clock: BOUNDARY_CLOCK,
})
const streams = new Streams({
  follow: (flagSetId, listener) => subscriptions.add(flagSetId, listener),
  secondsMax: config.streamSecondsMax,
  now,
  wallNow,
  random: Math.random,
})
const streamSecret = () => keys.streamSecret()
const hasStreams = config.streams || config.streamOrigin !== undefined

const isTrial = config.mode === 'trial'
const anyone: Principal = { name: 'trial', role: 'admin', environment: null }
let isStopping = false
const events = evaluationEvents && new EvaluationEvents(evaluationEvents.ratio, evaluationEvents.capacity)
const access = accessLogs(config.accessLog, log.info)
const isCounted = config.metrics || config.telemetry.metrics !== undefined
const shared = {
  authenticate: authenticator(keys.find.bind(keys), isTrial ? anyone : undefined),
  noteSync: (id: bigint, agent: string | null) => usage.noteSync(id, agent, Math.floor(wallNow() / 1_000)),
  current: snapshots.current.bind(snapshots),
  ...evaluationRecorder({ evaluations: metrics.evaluations, usage, events }),
  bodyBytesMax: config.bodyBytesMax,
  now: wallNow,
  log: log.error,
}
const limit = { requestsMax: config.requestsMax, shed: metrics.shed }
const concurrency = new ConcurrencyLimit(limit)
/** Of its own, so that requests that wait for Postgres leave room for evaluations. */
const managementConcurrency = new ConcurrencyLimit(limit)
const loadRpc = async () =>
  (await import('./grpc/server.ts')).rpcServer({
    ...shared,
    subscriptions,
    contextValues: config.contextValues,
    isReady: async () => {
      await keys.warmUp()
      return databaseHealth.isLoaded && !isStopping
    },
    defaultFlagSetId: isTrial ? TRIAL_FLAG_SET_ID : undefined,
    streamSecondsMax: config.rpcStreamSecondsMax,
    telemetry: { durations: isCounted ? metrics.rpc : undefined, tracer, accessLog: access.calls },
    load: concurrency,
    random: Math.random,
  })
const rpc = lazyRpc(loadRpc, log.error)
const metricSources: MetricSources = {
  metrics,
  ...calls,
  snapshots,
  databaseHealth,
  subscriptions,
  streams,
  rpcStreams: rpc.size,
  requests: () => concurrency.size + managementConcurrency.size,
  usage,
  database,
  tracer,
  events,
}
const dependencies: AppDependencies = {
  ...shared,
  newest: (flagSetId) => snapshots.newest(flagSetId),
  eventStreams: hasStreams
    ? eventStreams({ secret: streamSecret, origin: config.streamOrigin, now: wallNow })
    : undefined,
  events: config.streams ? { streams, streamSecret } : undefined,
  database,
  refreshFlags: (scope) => snapshots.refresh(scope),
  refreshKeys: () => keys.refresh(),
  storeUsage: () => usage.store(),
  findByDigest: (digest) => keys.findByDigest(digest),
  isUsable: (principal) => keys.isUsable(principal),
  enrich: enrichWith(config.contextValues),
  rpc,
  health: { isStopping: () => isStopping, warmUp: () => keys.warmUp(), databaseHealth, database, now },
  metrics: config.metrics && config.metricsPort === undefined ? metricSources : undefined,
  telemetry: { requests: isCounted ? metrics.http : undefined, tracer, access },
  trialFlagSetId: isTrial ? TRIAL_FLAG_SET_ID : undefined,
  console: config.console,
  corsOrigins: config.corsOrigins,
}
const routes = app(dependencies)
const fetch = limited(routes.fetch, {
  usual: concurrency,
  separate: managementConcurrency,
  prefixes: [MANAGEMENT, CONSOLE],
  refuse: overload({ services: rpc.services, corsOrigins: config.corsOrigins }),
})

if (redis) void keys.warmUp() // so that the first evaluation costs one command
const server = await orExit(
  () =>
    listen({
      fetch,
      takeStream: rpc.takeStream,
      host: config.host,
      port: config.port,
      grpcPort: config.grpcPort,
      tls: config.tls,
      bodyBytesMax: MANAGEMENT_BYTES_MAX,
    }),
  database.close,
)
const { metricsPort } = config
const metricsServer =
  config.metrics && metricsPort !== undefined
    ? await orExit(
        async () =>
          listen({
            fetch: (await import('./routes/metrics.ts')).metricsApp(metricSources),
            host: config.host,
            port: metricsPort,
            bodyBytesMax: 1_024,
            variable: 'METRICS_PORT',
          }),
        database.close,
      )
    : undefined
const ports = { port: server.port, grpcPort: server.grpcPort, metricsPort: metricsServer?.port }
if (isTrial)
  write(
    (await import('./trial/banner.ts')).banner(server, {
      folder: config.folder,
      hasConsole: config.console !== undefined,
    }),
  )
else log.info('Listening', { host: config.host, ...ports })
if (!isTrial && !redis) log.warn('No Redis is configured: run one replica only')
const telemetry = exportTelemetry({ config: config.telemetry, tracer, events, sources: metricSources, log })

log.info('Stopping', { signal: await stopped })
const code = await shutDown(
  [
    {
      name: 'leave the load balancer',
      run: () => {
        isStopping = true
        server.announceEnd()
      },
    },
    { name: 'wait for the load balancer', run: (late) => pause(config.drainDelaySeconds * 1_000, late) },
    { name: 'end event streams', run: () => streams.endStreams() },
    { name: 'end streams of calls', run: () => rpc.endStreams() },
    { name: 'finish open requests', run: (late) => server.close(late) },
    { name: 'store the usage', run: () => usage.drain(AbortSignal.timeout(config.drainSeconds * 500)) },
    { name: 'send the telemetry', run: () => telemetry.drain(AbortSignal.timeout(config.drainSeconds * 250)) },
    { name: 'close the metrics port', run: () => metricsServer?.close(AbortSignal.abort()) },
    { name: 'close Redis', run: () => redis?.close() },
    { name: 'close the database', run: database.close },
  ],
  config.drainSeconds * 1_000,
  log,
)
log.info('Stopped', { code })
process.exit(code) // a forgotten handle must not keep the container until SIGKILL
