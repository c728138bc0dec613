import http2, { type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { type Authenticate, hasRole } from '../cache/authenticator.ts'
import { flagSetIdFor, parseSelector } from '../cache/selector.ts'
import { FlagError } from '../flag/error.ts'
import { enrichWith } from '../flag/evaluate.ts'
import type { LogLine } from '../telemetry/log.ts'
import type { Counter } from '../telemetry/metrics.ts'
import type { Header } from '../telemetry/trace-context.ts'
import { GrpcCall } from './call.ts'
import { file_flagd_evaluation_v1_evaluation } from './gen/flagd/evaluation/v1/evaluation_pb.js'
import { file_flagd_evaluation_v2_evaluation } from './gen/flagd/evaluation/v2/evaluation_pb.js'
import { file_flagd_sync_v1_sync } from './gen/flagd/sync/v1/sync_pb.js'
import { file_grpc_health_v1_health } from './gen/grpc/health/v1/health_pb.js'
import { file_schema_v1_schema } from './gen/schema/v1/schema_pb.js'
import { type CallTelemetry, withTelemetry } from './interceptor.ts'
import { type Authorize, type CallContext, type CallScope, type Method, RpcError, StatusCode } from './service.ts'
import { evaluationMethods, type ResolveDependencies } from './services/evaluation.ts'
import type { FlagEventDependencies } from './services/event-stream.ts'
import { type HealthDependencies, healthMethods } from './services/health.ts'
import { reflectionMethods } from './services/reflection.ts'
import { type FlagSyncDependencies, syncMethods } from './services/sync.ts'
import { OpenStreams } from './stream-limits.ts'

/** The part of the load limit that applies to native gRPC; requests of the other protocols are limited as HTTP requests. */
export type CallLimit = {
  /** The counter for a refused call when a limit is reached; undefined below the limits. */
  reached(): Counter | undefined
  begin(): void
  readonly end: () => void
}

type ServiceDependencies = ResolveDependencies & FlagEventDependencies & FlagSyncDependencies & HealthDependencies
/** The dependencies of the services, and of the protocols. */
export type RpcDependencies = Omit<ServiceDependencies, 'authorize' | 'enrich' | 'streams'> & {
  readonly authenticate: Authenticate
  /** For a caller that is bound to no environment and selects none; undefined: such a call is refused. */
  readonly defaultFlagSetId: string | undefined
  /** Maximum length of a request message. */
  readonly bodyBytesMax: number
  readonly streamSecondsMax: number
  /** From 0 up to 1. */
  readonly random: () => number
  readonly telemetry?: CallTelemetry | undefined
  /** Undefined: no limit. */
  readonly load?: CallLimit | undefined
  readonly log: LogLine
}

/** Handles an HTTP/2 stream if it is a gRPC call; returns false, without a side effect, if it is not. */
export type TakeStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => boolean
export type RpcServer = {
  /** Native gRPC. */
  readonly takeStream: TakeStream
  /** Connect and gRPC-Web over any version of HTTP. Undefined for an unknown method, and for one that only gRPC serves. */
  readonly fetch: (request: Request, path: string) => Promise<Response | undefined>
  /** Full names of the services. */
  readonly services: readonly string[]
  /** Number of open streams. */
  readonly size: () => number
  /** Ends every stream and refuses new ones. */
  readonly endStreams: () => void
}

const FILES = [
  file_flagd_evaluation_v1_evaluation,
  file_flagd_evaluation_v2_evaluation,
  file_flagd_sync_v1_sync,
  file_grpc_health_v1_health,
  file_schema_v1_schema,
]

/** All services behind gRPC, gRPC-Web and Connect. */
export function rpcServer(dependencies: RpcDependencies): RpcServer {
  const { bodyBytesMax: bytesMax, contextValues, log, telemetry } = dependencies
  const authorize = authorizer(dependencies.authenticate, dependencies.defaultFlagSetId)
  const streams = new OpenStreams({ secondsMax: dependencies.streamSecondsMax, random: dependencies.random })
  const services = FILES.flatMap((file) => file.services.map(({ typeName }) => typeName))
  const entries = [
    ...evaluationMethods({ ...dependencies, authorize, streams, enrich: enrichWith(contextValues) }),
    ...syncMethods({ ...dependencies, authorize, streams }),
    ...healthMethods({ ...dependencies, streams }, services),
    ...reflectionMethods(FILES),
  ]
  const methods = new Map(telemetry ? withTelemetry(entries, telemetry) : entries)
  // Loaded with the first call: native gRPC does not need it.
  const loadConnect = async () => (await import('./connect.ts')).connectHandlers({ methods, bytesMax, log })
  let handlers: ReturnType<typeof loadConnect> | undefined
  return {
    takeStream: grpcHandler(methods, dependencies),
    fetch: async (request, path) => {
      handlers ??= loadConnect()
      return (await handlers).get(path)?.(request)
    },
    services: [...new Set([...methods.keys()].map((path) => path.split('/')[1] ?? ''))],
    size: () => streams.size,
    endStreams: () => streams.endAll(),
  }
}

/** An API key as the first label of a host name. */
const KEY_LABEL = /^(fs_[\w-]+)(?=[.:]|$)/

function authorizer(authenticate: Authenticate, defaultFlagSetId: string | undefined): Authorize {
  return (call, role, selectorText) => {
    const scopeFor = (principal: Awaited<ReturnType<Authenticate>>): CallScope => {
      if (!hasRole(principal, role)) throw new FlagError('forbidden', `This API key needs the role "${role}"`)
      const selector = parseSelector(call.header.get('flagd-selector') || selectorText)
      return { flagSetId: flagSetIdFor(principal, selector, defaultFlagSetId), selector }
    }
    const principal = authenticate(credentialsOf(call))
    return principal instanceof Promise ? principal.then(scopeFor) : scopeFor(principal)
  }
}

/** flagd's JavaScript provider cannot send headers: it carries the key in the authority, which it can configure. */
function credentialsOf({ header, authority }: CallContext): Header {
  if (header.get('authorization') !== null || header.get('x-api-key') !== null) return header
  const key = KEY_LABEL.exec(authority)?.[1]
  if (key === undefined) return header
  return { get: (name) => (name === 'x-api-key' ? key : header.get(name)) }
}

const { HTTP2_HEADER_CONTENT_TYPE, HTTP2_HEADER_METHOD, HTTP2_HEADER_PATH, NGHTTP2_NO_ERROR } = http2.constants
/** Health checks are never refused because of load. */
const HEALTH = '/grpc.health.v1.Health/'
/** gRPC with any message format; gRPC-Web is another protocol. */
const GRPC_TYPE = /^application\/grpc(\+[\w-]+)?(;|$)/i
const PROTOBUF_TYPE = /^application\/grpc(\+proto)?(;|$)/i

/**
 * Native gRPC (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) on the streams of node:http2. A fetch handler cannot send
 * trailers, and connect-node reaches about a sixth of the calls per second.
 */
function grpcHandler(
  methods: ReadonlyMap<string, Method>,
  { bodyBytesMax: bytesMax, load, log }: RpcDependencies,
): TakeStream {
  const handle = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    const path = String(headers[HTTP2_HEADER_PATH])
    const call = new GrpcCall(stream, { headers, path, bytesMax, log })
    const method = methods.get(path)
    if (!method) call.fail(new RpcError(StatusCode.unimplemented, 'Unknown method'))
    else if (isAdmitted(stream, path, method)) call.handle(method)
    else call.fail(new RpcError(StatusCode.unavailable, 'The server is at its concurrency limit; retry'))
  }
  /** Streams have their own limits and do not count as calls in progress. */
  const isAdmitted = (stream: ServerHttp2Stream, path: string, { kind }: Method): boolean => {
    const refused = load?.reached()
    if (refused && !path.startsWith(HEALTH)) {
      refused.value += 1
      return false
    }
    if (load === undefined || kind !== 'unary') return true
    load.begin()
    stream.on('close', load.end)
    return true
  }
  return (stream, headers) => {
    const type = headers[HTTP2_HEADER_CONTENT_TYPE]?.toString() ?? ''
    if (!GRPC_TYPE.test(type)) return false
    stream.on('error', ignore)
    if (headers[HTTP2_HEADER_METHOD] !== 'POST') refuse(stream, { ':status': 405, allow: 'POST' })
    else if (!PROTOBUF_TYPE.test(type)) refuse(stream, { ':status': 415, 'accept-post': 'application/grpc+proto' })
    else handle(stream, headers)
    return true
  }
}

/** A reset by the client; the call handles the "close" that follows. */
const ignore = () => undefined

function refuse(stream: ServerHttp2Stream, headers: OutgoingHttpHeaders): void {
  stream.respond(headers, { endStream: true })
  stream.close(NGHTTP2_NO_ERROR)
}
