import { type Context, type Handler, Hono } from 'hono'
import { cors } from 'hono/cors'
import type { RecordEvaluation, RecordEvaluations } from './cache/evaluation-recorder.ts'
import type { Snapshot } from './cache/snapshots.ts'
import type { Enrich } from './flag/evaluate.ts'
import { accessLog } from './middleware/access-log.ts'
import { localhostOnly, principalOf } from './middleware/authentication.ts'
import { corsOptions } from './middleware/cors.ts'
import { handleError, notFound } from './middleware/problem.ts'
import { requestMetrics } from './middleware/request-metrics.ts'
import { tracing } from './middleware/tracing.ts'
import { type RpcServices, rpcPaths, rpcRoutes } from './routes/connect.ts'
import type { ConsoleOptions } from './routes/console.ts'
import { type Health, isProbe, probes } from './routes/health.ts'
import type { ManagementDependencies } from './routes/management/management.ts'
import { metrics } from './routes/metrics.ts'
import { evaluateAll, isPlainBulk } from './routes/ofrep/evaluate-all.ts'
import { evaluateFlag, isPlainEvaluation } from './routes/ofrep/evaluate-flag.ts'
import type { EvaluationDependencies, TelemetrySinks } from './routes/ofrep/evaluation-handler.ts'
import { eventStream, isEventStream, STREAM_ROUTE } from './routes/ofrep/event-stream.ts'
import { methodNotAllowed, responseHeadersFor, responseOf } from './routes/ofrep/responses.ts'
import type { EventStreams } from './routes/ofrep/stream-token.ts'
import type { Streams } from './routes/ofrep/streams.ts'
import { EVALUATE_ALL, EVALUATE_FLAG } from './routes/paths.ts'
import type { MetricSources } from './telemetry/prometheus.ts'

export type AppDependencies = ManagementDependencies & {
  readonly current: (flagSetId: string) => Snapshot | Promise<Snapshot>
  readonly newest?: (flagSetId: string) => Promise<Snapshot>
  /** The event streams that bulk results name; undefined: none. */
  readonly eventStreams?: EventStreams | undefined
  /** Undefined where event streams are not served. */
  readonly events?: { readonly streams: Streams; readonly streamSecret: () => Buffer | Promise<Buffer> } | undefined
  /** Connect and gRPC-Web. Undefined where they are not served. */
  readonly rpc?: RpcServices | undefined
  readonly count: RecordEvaluation
  readonly countAll: RecordEvaluations
  /** Records that the flag set of an environment was served to an in-process provider. */
  readonly noteSync: (environmentId: bigint, userAgent: string | null) => void
  readonly enrich: Enrich
  readonly health: Health
  /** Undefined where `/metrics` is not served. */
  readonly metrics?: MetricSources | undefined
  /** Undefined where requests are not recorded. */
  readonly telemetry?: TelemetrySinks | undefined
  /** The environment of callers that are bound to none; in trial mode only. */
  readonly trialFlagSetId: string | undefined
  /** Undefined where the console is not served. */
  readonly console?: ConsoleOptions | undefined
  readonly bodyBytesMax: number
  readonly corsOrigins: readonly string[] | undefined
}

/**
 * All routes. Evaluations come first and pass no middleware: they record themselves, at a fraction of its cost. They have an app of their own,
 * because Hono calls a handler directly only if nothing else matches its path. In the usual form of their URLs they need no router at all.
 */
export function app(dependencies: AppDependencies): Hono {
  const { telemetry = {}, corsOrigins, trialFlagSetId } = dependencies
  const evaluation = {
    ...dependencies,
    defaultFlagSetId: trialFlagSetId,
    telemetry,
    headersFor: responseHeadersFor(corsOrigins),
  }
  const others = otherRoutes(dependencies, evaluation)
  const routes = new Hono()
  routes.onError(handleError(dependencies.log))
  routes.notFound((c) => others.fetch(c.req.raw, c.env))
  const [one, all] = [evaluateFlag(evaluation), evaluateAll(evaluation)]
  if (trialFlagSetId !== undefined) routes.on('POST', EVALUATION_PATHS, localhostOnly)
  routes.post(EVALUATE_FLAG, (c) => one(c.req.raw, c.env))
  routes.on('POST', [EVALUATE_ALL, `${EVALUATE_ALL}/`], (c) => all(c.req.raw, c.env))
  if (trialFlagSetId !== undefined) return routes
  const { fetch } = routes
  routes.fetch = (request, env) => {
    if (isPlainEvaluation(request)) return one(request, env)
    return isPlainBulk(request) ? all(request, env) : fetch(request, env)
  }
  return routes
}

const EVALUATION_PATHS = [EVALUATE_FLAG, EVALUATE_ALL, `${EVALUATE_ALL}/`]

/**
 * Middleware order and route table of everything but evaluations. The management API is loaded with the first request for it, which goes to a
 * table with its routes; later requests go there as well.
 */
function otherRoutes(dependencies: AppDependencies, evaluation: EvaluationDependencies, management?: Hono): Hono {
  const { telemetry = {}, corsOrigins, trialFlagSetId, rpc, console } = dependencies
  const routes = new Hono()
  routes.onError(handleError(dependencies.log))
  routes.notFound(notFound)
  if (!management) {
    const whole = lazy(async () => {
      const { management } = await import('./routes/management/management.ts')
      const allRoutes = otherRoutes(dependencies, evaluation, management(dependencies))
      return (c) => allRoutes.fetch(c.req.raw, c.env)
    })
    routes.all('/api/v1/*', whole).all('/openapi.json', whole).all('/docs', whole)
  }

  const isRpc = rpcPaths(rpc)
  const isOfProbe = ({ req }: Context) => isProbe(req.path)
  const isTraced = (c: Context) => isOfProbe(c) || isEventStream(c) || isRpc(c)
  const logFor = (c: Context) => telemetry.access?.[isOfProbe(c) ? 'probes' : isRpc(c) ? 'evaluations' : 'others']
  if (telemetry.requests) routes.use(requestMetrics(telemetry.requests, isOfProbe))
  if (telemetry.tracer) routes.use(tracing(telemetry.tracer, isTraced))
  if (telemetry.access)
    routes.use(accessLog(logFor, { tracer: telemetry.tracer, actorOf: (c) => principalOf(c)?.name }))
  if (trialFlagSetId !== undefined) routes.use(localhostOnly)
  routes.use('/ofrep/*', cors(corsOptions(corsOrigins)))

  for (const [path, probe] of probes(dependencies.health))
    routes.get(path, async (c) => {
      const { status, body } = await probe()
      return c.json(body, status)
    })
  const onlyPost = ({ req }: Context) => responseOf(methodNotAllowed(evaluation.headersFor(req.raw.headers)))
  for (const path of EVALUATION_PATHS) routes.all(path, onlyPost)
  const { events, isUsable } = dependencies
  if (events) routes.get(STREAM_ROUTE, eventStream({ ...evaluation, ...events, isUsable, tracer: telemetry.tracer }))
  if (dependencies.metrics) routes.get('/metrics', metrics(dependencies.metrics))
  const sync = lazy(async () =>
    (await import('./routes/sync.ts')).sync({ ...evaluation, noteSync: dependencies.noteSync }),
  )
  routes.get('/v1/flags', sync).get('/v1/flags/*', sync)
  if (console) {
    const session = lazy(async () => {
      const { sessionRoutes } = await import('./routes/session.ts')
      const sessions = sessionRoutes({ ...dependencies, isTrial: trialFlagSetId !== undefined })
      sessions.onError(handleError(dependencies.log)).notFound(notFound)
      return (c) => sessions.fetch(c.req.raw, c.env)
    })
    routes.all('/console/session', session)
    const page = lazy(async () => {
      const { consoleRoutes } = await import('./routes/console.ts')
      const pages = consoleRoutes(console).onError(handleError(dependencies.log)).notFound(notFound)
      return (c) => pages.fetch(c.req.raw, c.env)
    })
    routes.get('/', page).get('/console', page).get('/console/*', page)
  }
  if (rpc) routes.route('/', rpcRoutes(rpc, corsOrigins))
  if (management) routes.route('/', management)
  return routes
}

/** A handler that is loaded with the first request for it. If loading fails, the error handler responds, to later requests as well. */
export function lazy(load: () => Promise<Handler>): Handler {
  let handler: Promise<Handler> | undefined
  return async (c, next) => {
    handler ??= load()
    return (await handler)(c, next)
  }
}
