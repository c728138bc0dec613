import http2, { type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { LogLine } from '../telemetry/log.ts'
import type { Counter } from '../telemetry/metrics.ts'
import { GrpcCall } from './call.ts'
import type { Method } from './service.ts'
import { RpcError, Status } from './status.ts'

const { HTTP2_HEADER_CONTENT_TYPE, HTTP2_HEADER_METHOD, HTTP2_HEADER_PATH, NGHTTP2_NO_ERROR } = http2.constants

/** Takes one HTTP/2 stream if it is a gRPC call; false: it is something else, and untouched. */
export type TakeStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => boolean

/** What a replica has to do, as far as calls add to it. */
export type Load = {
  /** What counts a call that is refused because there is too much; undefined: there is room. */
  reached(): Counter | undefined
  begin(): void
  readonly end: () => void
}

export type GrpcOptions = {
  /** By path. */
  readonly methods: ReadonlyMap<string, Method>
  /** The longest message that a client may send. */
  readonly bytesMax: number
  /** Undefined: calls are taken without bounds. */
  readonly load?: Load | undefined
  readonly log: LogLine
}

/** Probes are answered however much there is to do. */
const HEALTH = '/grpc.health.v1.Health/'

/** `application/grpc` with or without the name of the message format; gRPC-Web is another protocol. */
const GRPC = /^application\/grpc(\+[\w-]+)?(;|$)/i
const OUR_FORMAT = /^application\/grpc(\+proto)?(;|$)/i

/**
 * Native gRPC on HTTP/2 streams of Node's and Bun's own server (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
 * Written here because the trailers that gRPC ends with do not pass through a fetch handler, and because connect-node answers
 * about a sixth of the calls per second that this does.
 */
export function grpc({ methods, bytesMax, load, log }: GrpcOptions): TakeStream {
  const answer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    const path = String(headers[HTTP2_HEADER_PATH])
    const call = new GrpcCall(stream, { headers, path, bytesMax, log })
    const method = methods.get(path)
    if (!method) call.fail(new RpcError(Status.unimplemented, 'There is no such method'))
    else if (takeOn(stream, path, method)) call.answer(method)
    else call.fail(new RpcError(Status.unavailable, 'This replica has too much to do; ask again'))
  }
  /** False: it is too much. Streams have limits of their own, and are not under way as a call is. */
  const takeOn = (stream: ServerHttp2Stream, path: string, { kind }: Method): boolean => {
    if (load === undefined) return true
    const counter = load.reached()
    if (counter && !path.startsWith(HEALTH)) {
      counter.value += 1
      return false
    }
    if (kind !== 'unary') return true
    load.begin()
    stream.on('close', load.end)
    return true
  }
  return (stream, headers) => {
    const type = headers[HTTP2_HEADER_CONTENT_TYPE]?.toString() ?? ''
    if (!GRPC.test(type)) return false
    stream.on('error', ignore)
    if (headers[HTTP2_HEADER_METHOD] !== 'POST') refuse(stream, { ':status': 405, allow: 'POST' })
    else if (!OUR_FORMAT.test(type)) refuse(stream, { ':status': 415, 'accept-post': 'application/grpc+proto' })
    else answer(stream, headers)
    return true
  }
}

/** The client's reset: the call hears of the close that follows. */
const ignore = () => undefined

function refuse(stream: ServerHttp2Stream, headers: http2.OutgoingHttpHeaders): void {
  stream.respond(headers, { endStream: true })
  stream.close(NGHTTP2_NO_ERROR)
}
