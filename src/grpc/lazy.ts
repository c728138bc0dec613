import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { LogLine } from '../telemetry/log.ts'
import type { Rpc } from './services.ts'

/** As the .proto files have them; known before these are loaded. */
const SERVICES = [
  'flagd.evaluation.v1.Service',
  'flagd.evaluation.v2.Service',
  'schema.v1.Service',
  'flagd.sync.v1.FlagSyncService',
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
]
const GRPC = /^application\/grpc(\+[\w-]+)?(;|$)/i
/** `INTERNAL`, as a gRPC call is told that has no answer (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). */
const FAILURE = {
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-status': '13',
  'grpc-message': 'Internal error',
}

/**
 * The RPC services, loaded with the first call: to describe their messages takes longer than all the rest of a start. Not sooner by itself,
 * because where processors are given for requests alone, the next request would pay for what it does not use.
 */
export function lazyRpc(load: () => Promise<Rpc>, log: LogLine): Rpc {
  let rpc: Rpc | undefined
  let loading: Promise<Rpc> | undefined
  let hasEnded = false
  const open = async () => {
    rpc = await load()
    if (hasEnded) rpc.endStreams()
    return rpc
  }
  const opened = () => {
    loading ??= open()
    return loading
  }
  const takeLater = async (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => undefined) // of a client that leaves meanwhile
    try {
      const { takeStream } = await opened()
      if (!stream.destroyed) takeStream(stream, headers)
    } catch (error) {
      log('Unexpected error', { error, route: headers[':path'] })
      if (!stream.destroyed) stream.respond(FAILURE, { endStream: true })
    }
  }
  return {
    services: SERVICES,
    takeStream: (stream, headers) => {
      if (rpc) return rpc.takeStream(stream, headers)
      if (!GRPC.test(headers['content-type']?.toString() ?? '')) return false
      void takeLater(stream, headers)
      return true
    },
    fetch: async (request, path) => (await opened()).fetch(request, path),
    size: () => rpc?.size() ?? 0,
    endStreams: () => {
      hasEnded = true
      rpc?.endStreams()
    },
  }
}
