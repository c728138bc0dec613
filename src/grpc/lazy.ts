import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { LogLine } from '../telemetry/log.ts'
import type { RpcServer } from './server.ts'

/** As in the .proto files, whose descriptors are not loaded yet. */
const SERVICES = [
  'flagd.evaluation.v1.Service',
  'flagd.evaluation.v2.Service',
  'schema.v1.Service',
  'flagd.sync.v1.FlagSyncService',
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
]
const GRPC_TYPE = /^application\/grpc(\+[\w-]+)?(;|$)/i
/** INTERNAL as a Trailers-Only response (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). */
const INTERNAL_ERROR = {
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-status': '13',
  'grpc-message': 'Internal error',
}

/**
 * Loads the RPC services with the first call, because creating their message descriptors takes longer than the rest of the start. Not in the
 * background after the start: where CPU is allocated only during requests, the next request would pay for it.
 */
export function lazyRpc(load: () => Promise<RpcServer>, log: LogLine): RpcServer {
  let server: RpcServer | undefined
  let loading: Promise<RpcServer> | undefined
  let hasEnded = false
  const open = async () => {
    server = await load()
    if (hasEnded) server.endStreams()
    return server
  }
  const loaded = () => {
    loading ??= open()
    return loading
  }
  const takeAfterLoading = async (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => undefined) // a client that disconnects during loading
    try {
      const { takeStream } = await loaded()
      if (!stream.destroyed) takeStream(stream, headers)
    } catch (error) {
      log('Unexpected error', { error, route: headers[':path'] })
      if (!stream.destroyed) stream.respond(INTERNAL_ERROR, { endStream: true })
    }
  }
  return {
    services: SERVICES,
    takeStream: (stream, headers) => {
      if (server) return server.takeStream(stream, headers)
      if (!GRPC_TYPE.test(headers['content-type']?.toString() ?? '')) return false
      void takeAfterLoading(stream, headers)
      return true
    },
    fetch: async (request, path) => (await loaded()).fetch(request, path),
    size: () => server?.size() ?? 0,
    endStreams: () => {
      hasEnded = true
      server?.endStreams()
    },
  }
}
