import type { JsonObject } from '@bufbuild/protobuf'
import type { Authenticate } from '../cache/authenticator.ts'
import type { Count } from '../cache/counting.ts'
import type { Snapshot } from '../cache/snapshot.ts'
import type { Subscriptions } from '../cache/subscriptions.ts'
import { enrichWith } from '../flag/evaluate.ts'
import type { LogLine } from '../telemetry/log.ts'
import { admission } from './authorize.ts'
import { observedMethods, type RpcNotes } from './call-metrics.ts'
import { file_flagd_evaluation_v1_evaluation } from './gen/flagd/evaluation/v1/evaluation_pb.js'
import { file_flagd_evaluation_v2_evaluation } from './gen/flagd/evaluation/v2/evaluation_pb.js'
import { file_flagd_sync_v1_sync } from './gen/flagd/sync/v1/sync_pb.js'
import { file_grpc_health_v1_health } from './gen/grpc/health/v1/health_pb.js'
import { file_schema_v1_schema } from './gen/schema/v1/schema_pb.js'
import { grpc, type Load, type TakeStream } from './server.ts'
import type { Method } from './service.ts'
import { evaluationMethods } from './services/evaluation.ts'
import { healthMethods } from './services/health.ts'
import { reflectionMethods } from './services/reflection.ts'
import { syncMethods } from './services/sync.ts'
import { OpenStreams } from './stream-limits.ts'

/** What the RPC services need of the rest of the service. */
export type RpcDependencies = {
  readonly authenticate: Authenticate
  /** A promise only for an environment that this replica does not know yet. Throws `not_found` or `unavailable`. */
  readonly current: (flagSetId: string) => Snapshot | Promise<Snapshot>
  readonly subscriptions: Pick<Subscriptions, 'watch'>
  /** Static values over every caller's context, which in-process providers take over. */
  readonly contextValues: JsonObject
  readonly count: Count
  /** Notes that the flag set of an environment was served to a provider that evaluates in process. */
  readonly noteSync: (environmentId: bigint) => void
  /** As `/readyz`. */
  readonly isReady: () => Promise<boolean>
  /** Where a caller goes that is bound to no environment and names none. */
  readonly defaultFlagSetId: string | undefined
  readonly bodyBytesMax: number
  readonly streamSecondsMax: number
  readonly keepAliveMs?: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** From 0 up to 1. */
  readonly random: () => number
  /** Undefined where nothing is noted of calls. */
  readonly notes?: RpcNotes | undefined
  /** What bounds native gRPC; the other protocols are bounded as requests. Undefined: there are no bounds. */
  readonly load?: Load | undefined
  readonly log: LogLine
}

export type Rpc = {
  /** Native gRPC, on the streams of an HTTP/2 server. */
  readonly takeStream: TakeStream
  /** Connect and gRPC-Web, as requests over any HTTP. Undefined: there is no such method. */
  readonly fetch: (request: Request, path: string) => Promise<Response | undefined>
  /** Full names of the services; the paths of their methods begin with them. */
  readonly services: readonly string[]
  /** Streams that are open. */
  readonly size: () => number
  /** Ends every stream and lets no new one begin. */
  readonly endStreams: () => void
}

const FILES = [
  file_flagd_evaluation_v1_evaluation,
  file_flagd_evaluation_v2_evaluation,
  file_flagd_sync_v1_sync,
  file_grpc_health_v1_health,
  file_schema_v1_schema,
]

/** Every method of every service, and the protocols that they are called by. */
export function rpc(dependencies: RpcDependencies): Rpc {
  const { bodyBytesMax: bytesMax, log } = dependencies
  const admit = admission(dependencies.authenticate, dependencies.defaultFlagSetId)
  const streams = new OpenStreams({ secondsMax: dependencies.streamSecondsMax, random: dependencies.random })
  const services = FILES.flatMap((file) => file.services.map(({ typeName }) => typeName))
  const all: [path: string, Method][] = [
    ...evaluationMethods({ ...dependencies, admit, streams, enrich: enrichWith(dependencies.contextValues) }),
    ...syncMethods({ ...dependencies, admit, streams }),
    ...healthMethods({ ...dependencies, streams }, services),
    ...reflectionMethods(FILES),
  ]
  const methods = new Map(dependencies.notes ? observedMethods(all, dependencies.notes) : all)
  // Loaded with the first call: what a first evaluation needs of the start-up time is none of this.
  let handlers: ReturnType<typeof loadConnect> | undefined
  const loadConnect = async () => (await import('./connect.ts')).connectHandlers({ methods, bytesMax, log })
  return {
    takeStream: grpc({ methods, bytesMax, load: dependencies.load, log }),
    fetch: async (request, path) => {
      handlers ??= loadConnect()
      return (await handlers).get(path)?.(request)
    },
    services: [...new Set([...methods.keys()].map((path) => path.split('/')[1] ?? ''))],
    size: () => streams.size,
    endStreams: () => streams.endAll(),
  }
}
