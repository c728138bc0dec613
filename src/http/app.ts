import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { Enrich } from '../flag/context.ts'
import { FlagError } from '../flag/error.ts'
import type { Authenticate } from '../snapshot/authenticator.ts'
import type { Count } from '../snapshot/exposures.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import type { Database } from '../store/database.ts'
import { changeRoutes, historyRoutes } from './changes.ts'
import { definitionRoutes } from './definitions.ts'
import { type Changed, environmentRoutes } from './environments.ts'
import { events, isStream } from './events.ts'
import type { Metrics } from './families.ts'
import { flagRoutes } from './flags.ts'
import { flagSetRoutes } from './flagset.ts'
import { type Health, health, isProbe } from './health.ts'
import { keyRoutes } from './keys.ts'
import { loopbackOnly } from './loopback.ts'
import { metrics } from './metrics.ts'
import { type Notes, observed, observeIn } from './observe.ts'
import { isEvaluation, ofrep } from './ofrep.ts'
import { openApi } from './openapi.ts'
import { type Log, nothingHere, problem } from './problem.ts'
import { projectRoutes } from './projects.ts'
import { jsonOnly } from './route.ts'
import { type RpcDoor, rpcPaths, rpcRoutes } from './rpc.ts'
import type { EventStreams } from './stream-token.ts'
import type { Streams } from './streams.ts'
import { sync } from './sync.ts'
import { usageRoutes } from './usage.ts'

/** What the doors need of the rest of the house. */
export type Doors = {
  readonly authenticate: Authenticate
  readonly current: (flagSetId: string) => Snapshot | Promise<Snapshot>
  readonly newest?: (flagSetId: string) => Promise<Snapshot>
  /** What bulk answers say about event streams; undefined: nothing. */
  readonly eventStreams?: EventStreams | undefined
  /** Undefined where event streams are not served. */
  readonly events?: { readonly streams: Streams; readonly streamSecret: () => Buffer | Promise<Buffer> } | undefined
  /** Connect and gRPC-Web. Undefined where they are not served. */
  readonly rpc?: RpcDoor | undefined
  readonly database: Database
  readonly flagsChanged: Changed
  readonly keysChanged: () => Promise<void>
  readonly count: Count
  readonly enrich: Enrich
  readonly health: Health
  /** Undefined where no metrics are kept. */
  readonly metrics?: Metrics | undefined
  /** Undefined where nothing is noted of requests. */
  readonly notes?: Notes | undefined
  /** Where a caller that is bound to no environment goes; only trial mode has one. */
  readonly trialFlagSetId: string | undefined
  readonly bodyBytesMax: number
  readonly corsOrigins: readonly string[] | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Log
}

/** Largest body of the management API: a flag set of some 20,000 flags. */
export const MANAGEMENT_BYTES_MAX = 16 * 1024 * 1024

/** The order of the middleware and the table of routes. */
export function app(doors: Doors): Hono {
  const app = new Hono()
  const isRpc = rpcPaths(doors.rpc)
  app.onError(problem(doors.log))
  app.notFound(nothingHere)
  const { notes = {} } = doors
  const isTraced = (c: Context) => isProbe(c.req.path) || isStream(c) || isRpc(c)
  app.use(observed(notes, { isObserved: isEvaluation, isTraced }))
  if (doors.trialFlagSetId !== undefined) app.use(loopbackOnly)

  const management = managementApi(doors)
  const ofrepDoors = { ...doors, defaultFlagSetId: doors.trialFlagSetId, observe: observeIn(notes) }
  app.route('/', health(doors.health)).route('/', ofrep(ofrepDoors)) // its headers for other origins are the streams' too
  if (doors.metrics) app.route('/', metrics(doors.metrics))
  if (doors.events) app.route('/', events({ ...ofrepDoors, ...doors.events, tracer: notes.tracer }))
  app.route('/', sync(ofrepDoors))
  if (doors.rpc) app.route('/', rpcRoutes(doors.rpc, doors.corsOrigins))
  return app.route('/', management).route('/', openApi(management))
}

/** `/api/v1`: everything that changes something, and its record. */
function managementApi({ database, authenticate, flagsChanged, keysChanged, now }: Doors): Hono {
  const tooLarge = () => {
    throw new FlagError('too_large', `The body is larger than ${MANAGEMENT_BYTES_MAX} bytes`)
  }
  return new Hono()
    .use('/api/v1/*', bodyLimit({ maxSize: MANAGEMENT_BYTES_MAX, onError: tooLarge }), jsonOnly)
    .route('/api/v1/projects', projectRoutes(database, authenticate))
    .route('/api/v1/projects', environmentRoutes(database, authenticate, flagsChanged))
    .route('/api/v1/projects', flagRoutes(database, authenticate, flagsChanged))
    .route('/api/v1/projects', definitionRoutes(database, authenticate, flagsChanged))
    .route('/api/v1/projects', flagSetRoutes(database, authenticate, flagsChanged))
    .route('/api/v1/projects', historyRoutes(database, authenticate))
    .route('/api/v1/projects', usageRoutes(database, authenticate, now))
    .route('/api/v1/changes', changeRoutes(database, authenticate))
    .route('/api/v1/keys', keyRoutes(database, authenticate, keysChanged))
}
