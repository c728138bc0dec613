import { randomUUID } from 'node:crypto'
import { type AppDependencies, app } from '../../src/app.ts'
import { authenticator, KeyCache } from '../../src/cache/authenticator.ts'
import { BOUNDARY_CLOCK, type BoundaryClock } from '../../src/cache/boundary-timer.ts'
import { evaluationRecorder } from '../../src/cache/evaluation-recorder.ts'
import { DatabaseHealth } from '../../src/cache/freshness.ts'
import { Snapshots } from '../../src/cache/snapshots.ts'
import { Subscriptions } from '../../src/cache/subscriptions.ts'
import { Usage } from '../../src/cache/usage.ts'
import { type RpcDependencies, type RpcServer, rpcServer } from '../../src/grpc/server.ts'
import { StoreCalls } from '../../src/repository/calls.ts'
import { readKeys } from '../../src/repository/postgres/keys.ts'
import { loadEnvironment } from '../../src/repository/postgres/load-environment.ts'
import { writeUsage } from '../../src/repository/postgres/usage.ts'
import type { Invalidations } from '../../src/repository/redis/invalidation.ts'
import type { SnapshotStore } from '../../src/repository/redis/snapshot-store.ts'
import { eventStreams } from '../../src/routes/ofrep/stream-token.ts'
import { Streams, type StreamsOptions } from '../../src/routes/ofrep/streams.ts'
import { overload } from '../../src/server/overload.ts'
import { ConcurrencyLimit } from '../../src/server/requests.ts'
import type { EvaluationEvents } from '../../src/telemetry/evaluation-events.ts'
import { newMetrics } from '../../src/telemetry/metrics.ts'
import { type Tracer, untraced } from '../../src/telemetry/tracer.ts'
import { openStore, type Store } from './store.ts'

export const ADMIN_KEY = 'admin-key-for-tests-only-0123456789'

export type Answer = { status: number; headers: Headers; body: any; text: string }
export type Call = { key?: string | null; body?: unknown; headers?: Record<string, string> }
export type Service = {
  readonly store: Store
  readonly keys: KeyCache
  readonly snapshots: Snapshots
  readonly usage: Usage
  readonly subscriptions: Subscriptions
  readonly streams: Streams
  readonly rpc: RpcServer
  readonly load: ConcurrencyLimit
  /** Within the concurrency limit. */
  readonly fetch: (request: Request) => Response | Promise<Response>
  /** Sends a request with the admin key, unless `key` is set; JSON in, JSON out. */
  call(method: string, path: string, call?: Call): Promise<Answer>
  close(): Promise<void>
}

export type ServiceOptions = {
  readonly dependencies?: Partial<AppDependencies>
  readonly rpc?: Partial<RpcDependencies>
  /** An existing database; by default a new one. */
  readonly store?: Store
  readonly snapshotStore?: SnapshotStore
  readonly invalidations?: Invalidations
  readonly streams?: Partial<StreamsOptions>
  readonly clock?: Partial<BoundaryClock>
  readonly streamOrigin?: string
  readonly freshnessMs?: number
  readonly truthCheckMs?: number
  /** Monotonic milliseconds. */
  readonly now?: () => number
  readonly tracer?: Tracer
  /** No limit by default. */
  readonly requestsMax?: number
  readonly events?: EvaluationEvents
}

/** All routes with a real database, in this process and without a socket. */
export async function openService(options: ServiceOptions = {}): Promise<Service> {
  const store = options.store ?? (await openStore())
  const { database } = store
  const log = () => undefined
  const wallNow = () => Date.now()
  const databaseHealth = new DatabaseHealth()
  const replication = {
    databaseHealth,
    tracer: options.tracer,
    snapshotStore: options.snapshotStore,
    now: options.now ?? (() => performance.now()),
    freshnessMs: options.freshnessMs ?? 1_000,
    truthCheckMs: options.truthCheckMs ?? 10_000,
    log,
  }
  const snapshots = new Snapshots(replication, (flagSetId, since) => loadEnvironment(database, flagSetId, since))
  const usage = new Usage({ write: (batch) => writeUsage(database, batch), replica: randomUUID(), log })
  const keys = new KeyCache(replication, (since) => readKeys(database, since), {
    adminSecret: ADMIN_KEY,
    wallNow,
    noteUse: (principal, now) => usage.noteKeyUse(principal, now),
  })
  const { invalidations, streamOrigin } = options
  const clock = { ...BOUNDARY_CLOCK, ...options.clock }
  const subscriptions = new Subscriptions({
    replicated: (id) => snapshots.replicated(id),
    invalidations,
    checkMs: replication.freshnessMs,
    clock,
  })
  const follow: StreamsOptions['follow'] = (id, listener) => subscriptions.add(id, listener)
  const { now } = replication
  const streams = new Streams({ follow, secondsMax: 240, now, wallNow, random: Math.random, ...options.streams })
  const streamSecret = () => keys.streamSecret()
  const tracer = options.tracer ?? untraced
  const metrics = newMetrics()
  const answering = {
    authenticate: authenticator((secret) => keys.find(secret), undefined),
    noteSync: (environmentId: bigint, userAgent: string | null) =>
      usage.noteSync(environmentId, userAgent, Math.floor(wallNow() / 1_000)),
    current: (flagSetId: string) => snapshots.current(flagSetId),
    ...evaluationRecorder({ evaluations: metrics.evaluations, usage, events: options.events }),
    bodyBytesMax: 1_000_000,
    now: wallNow,
    log,
  }
  const load = new ConcurrencyLimit({ requestsMax: options.requestsMax ?? 0, shed: metrics.shed })
  const remote = rpcServer({
    ...answering,
    subscriptions,
    contextValues: {},
    isReady: () => Promise.resolve(true),
    defaultFlagSetId: undefined,
    streamSecondsMax: 240,
    random: Math.random,
    telemetry: { durations: metrics.rpc, tracer },
    load,
    ...options.rpc,
  })
  const dependencies: AppDependencies = {
    ...answering,
    newest: (flagSetId) => snapshots.newest(flagSetId),
    eventStreams: eventStreams({ secret: streamSecret, origin: streamOrigin, now: wallNow }),
    events: { streams, streamSecret },
    database,
    refreshFlags: (scope) => snapshots.refresh(scope),
    refreshKeys: () => keys.refresh(),
    storeUsage: () => usage.store(),
    findByDigest: (digest) => keys.findByDigest(digest),
    isUsable: (principal) => keys.isUsable(principal),
    enrich: (context) => context,
    rpc: remote,
    metrics: {
      metrics,
      postgres: new StoreCalls('postgresql', tracer),
      redis: new StoreCalls('redis', tracer),
      snapshots,
      databaseHealth,
      subscriptions,
      streams,
      rpcStreams: remote.size,
      requests: () => load.size,
      usage,
      database,
      tracer,
    },
    telemetry: { requests: metrics.http, tracer },
    health: { isStopping: () => false, warmUp: () => keys.warmUp(), databaseHealth, database, now: replication.now },
    trialFlagSetId: undefined,
    corsOrigins: undefined,
    ...options.dependencies,
  }
  const routes = app(dependencies)
  const serve = (request: Request, env?: unknown) => routes.fetch(request, env)
  const corsOrigins = options.dependencies?.corsOrigins
  const fetch = load.wrap(serve, overload({ services: remote.services, corsOrigins }))
  const unlimited = load.wrap(serve, () => undefined)
  const call = async (
    method: string,
    path: string,
    { key = ADMIN_KEY, body, headers = {} }: Call = {},
  ): Promise<Answer> => {
    const init = {
      method,
      headers: {
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    }
    const response = await unlimited(new Request(`http://localhost${path}`, init))
    const text = await textOf(response)
    const isJson = response.headers.get('content-type')?.includes('json')
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : undefined, text }
  }
  const close = () => store.close()
  return {
    store,
    keys,
    snapshots,
    usage,
    subscriptions,
    streams,
    rpc: remote,
    load,
    fetch,
    call,
    close,
  }
}

/** The body of a response; empty for an event stream, which has no end: it is left at once. */
async function textOf(response: Response): Promise<string> {
  if (!response.headers.get('content-type')?.includes('event-stream')) return response.text()
  await response.body?.cancel()
  return ''
}
