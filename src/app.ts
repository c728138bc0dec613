import { type Context, Hono } from 'hono'
import type { Count, CountAll } from './cache/counting.ts'
import type { Snapshot } from './cache/snapshot.ts'
import type { Enrich } from './flag/evaluate.ts'
import { accessLog } from './middleware/access-log.ts'
import { localhostOnly, principalOf } from './middleware/authentication.ts'
import { nothingHere, problem } from './middleware/problem.ts'
import { requestMetrics } from './middleware/request-metrics.ts'
import { tracing } from './middleware/tracing.ts'
import { type RpcDoor, rpcPaths, rpcRoutes } from './routes/connect.ts'
import { type Health, isProbe, probes } from './routes/health.ts'
import { lazyRoutes } from './routes/lazy.ts'
import type { ManagementDependencies } from './routes/management/management.ts'
import { metrics } from './routes/metrics.ts'
import { events, isStream } from './routes/ofrep/event-stream.ts'
import { type Notes, observeIn } from './routes/ofrep/observe.ts'
import { isEvaluation, ofrep } from './routes/ofrep/ofrep.ts'
import type { EventStreams } from './routes/ofrep/stream-token.ts'
import type { Streams } from './routes/ofrep/streams.ts'
import { WakingRouter } from './routes/router.ts'
import { sync } from './routes/sync.ts'
import type { MetricSources } from './telemetry/prometheus.ts'

/** What the app needs of the rest of the service. */
export type AppDependencies = ManagementDependencies & {
  readonly current: (flagSetId: string) => Snapshot | Promise<Snapshot>
  readonly newest?: (flagSetId: string) => Promise<Snapshot>
  /** What bulk answers say about event streams; undefined: nothing. */
  readonly eventStreams?: EventStreams | undefined
  /** Undefined where event streams are not served. */
  readonly events?: { readonly streams: Streams; readonly streamSecret: () => Buffer | Promise<Buffer> } | undefined
  /** Connect and gRPC-Web. Undefined where they are not served. */
  readonly rpc?: RpcDoor | undefined
  readonly count: Count
  readonly countAll: CountAll
  /** Notes that the flag set of an environment was served to a provider that evaluates in process. */
  readonly noteSync: (environmentId: bigint) => void
  readonly enrich: Enrich
  readonly health: Health
  /** Undefined where no metrics are kept. */
  readonly metrics?: MetricSources | undefined
  /** Undefined where nothing is noted of requests. */
  readonly notes?: Notes | undefined
  /** Where a caller that is bound to no environment goes; only trial mode has one. */
  readonly trialFlagSetId: string | undefined
  readonly bodyBytesMax: number
  readonly corsOrigins: readonly string[] | undefined
}

/**
 * The order of the middleware and the table of routes. An instance is woken by an evaluation: the management API is loaded with the first
 * request for it, which then goes to a whole table, with the same middleware, as all after it.
 */
export function app(dependencies: AppDependencies, management?: Hono): Hono {
  const routes = new Hono({ router: new WakingRouter() })
  routes.onError(problem(dependencies.log))
  routes.notFound(nothingHere)
  if (!management) {
    const whole = lazyRoutes(async () =>
      app(dependencies, (await import('./routes/management/management.ts')).management(dependencies)),
    )
    routes.all('/api/v1/*', whole).all('/openapi.json', whole).all('/docs', whole)
  }

  const { notes = {} } = dependencies
  const isRpc = rpcPaths(dependencies.rpc)
  const isOfProbe = ({ req }: Context) => isProbe(req.path)
  const isTraced = (c: Context) => isEvaluation(c) || isOfProbe(c) || isStream(c) || isRpc(c)
  const logFor = (c: Context) =>
    isEvaluation(c) ? undefined : notes.access?.[isOfProbe(c) ? 'probes' : isRpc(c) ? 'evaluations' : 'others']
  if (notes.requests) routes.use(requestMetrics(notes.requests, { isRecorded: isEvaluation, isProbe: isOfProbe }))
  if (notes.tracer) routes.use(tracing(notes.tracer, isTraced))
  if (notes.access) routes.use(accessLog(logFor, { tracer: notes.tracer, actorOf: (c) => principalOf(c)?.name }))
  if (dependencies.trialFlagSetId !== undefined) routes.use(localhostOnly)

  const ofrepDependencies = {
    ...dependencies,
    defaultFlagSetId: dependencies.trialFlagSetId,
    observe: observeIn(notes),
  }
  for (const [path, probe] of probes(dependencies.health))
    routes.get(path, async (c) => {
      const { status, body } = await probe()
      return c.json(body, status)
    })
  routes.route('/', ofrep(ofrepDependencies)) // its headers for other origins are the streams' too
  if (dependencies.metrics) routes.get('/metrics', metrics(dependencies.metrics))
  if (dependencies.events)
    routes.route('/', events({ ...ofrepDependencies, ...dependencies.events, tracer: notes.tracer }))
  routes.route('/', sync(ofrepDependencies))
  if (dependencies.rpc) routes.route('/', rpcRoutes(dependencies.rpc, dependencies.corsOrigins))
  if (management) routes.route('/', management)
  return routes
}
