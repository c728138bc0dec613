import { originHeaders } from '../middleware/cors.ts'
import { problemOf, RETRY_AFTER_SECONDS } from '../middleware/problem.ts'
import { isCall, keyIn } from '../routes/paths.ts'
import { parseTraceparent, traceIdAt } from '../telemetry/trace-context.ts'

/**
 * Paths that are always served. Without them an orchestrator would restart the replica or take it out of service, and monitoring would
 * miss the overload.
 */
const NEVER_REFUSED = new Set(['/livez', '/readyz', '/startupz', '/health', '/ready', '/metrics'])
const GRPC_HEALTH = '/grpc.health.v1.Health/'

const DETAIL = 'The server is at its concurrency limit; retry'
const HEADERS = { 'cache-control': 'no-store', 'retry-after': String(RETRY_AFTER_SECONDS) }
const JSON_HEADERS = { ...HEADERS, 'content-type': 'application/json' }
const PROBLEM_HEADERS = { ...HEADERS, 'content-type': 'application/problem+json' }
/** gRPC's status code. */
const UNAVAILABLE = 14
/** Flag of the last message of a Connect stream, which contains the final status: https://connectrpc.com/docs/protocol/#streaming-rpcs */
const END_STREAM = 0b10

export type OverloadDependencies = {
  /** Full names of the RPC services. */
  readonly services: readonly string[]
  /** Undefined: all. */
  readonly corsOrigins: readonly string[] | undefined
}

/**
 * The response to a request above the limit: 503 in the caller's protocol, made from the URL and the headers alone. No route is matched,
 * no key is checked and no body is read. Undefined for probes and metrics, which are always served.
 */
export function overload({ services, corsOrigins }: OverloadDependencies): (request: Request) => Response | undefined {
  const origin = originHeaders(corsOrigins)
  const calls = new Set(services)
  return ({ url, headers }) => {
    const { pathname: path } = new URL(url)
    if (NEVER_REFUSED.has(path) || path.startsWith(GRPC_HEALTH)) return undefined
    if (path.startsWith('/ofrep/')) {
      const key = keyIn(path)
      const body = { ...(key !== undefined && { key }), errorCode: 'GENERAL', errorDetails: DETAIL }
      return respond(503, { ...JSON_HEADERS, ...origin(headers.get('origin')) }, JSON.stringify(body))
    }
    if (isCall(path, calls))
      return refuseCall(headers.get('content-type') ?? '', { ...JSON_HEADERS, ...origin(headers.get('origin')) })
    const traceId = parseTraceparent(headers.get('traceparent'))?.traceId ?? traceIdAt(Math.random())
    const problem = problemOf(503, { code: 'unavailable', detail: DETAIL }, traceId)
    return respond(503, PROBLEM_HEADERS, JSON.stringify(problem))
  }
}

type FlatHeaders = Readonly<Record<string, string>>

const respond = (status: number, headers: FlatHeaders, body: string | Uint8Array<ArrayBuffer>) =>
  new Response(body, { status, headers })

/**
 * Refuses a call of this content type with UNAVAILABLE: a Connect error, the last message of a Connect stream, or the headers of a
 * gRPC-Web response. Only the first has an HTTP error status. `headers` are those of a JSON response.
 */
function refuseCall(type: string, headers: FlatHeaders): Response {
  const error = { code: 'unavailable', message: DETAIL }
  if (type.startsWith('application/grpc-web')) {
    const status = { 'content-type': type, 'grpc-status': String(UNAVAILABLE), 'grpc-message': DETAIL }
    return respond(200, { ...headers, ...status }, '')
  }
  if (type.startsWith('application/connect+'))
    return respond(200, { ...headers, 'content-type': type }, frameOf(END_STREAM, JSON.stringify({ error })))
  return respond(503, headers, JSON.stringify(error))
}

function frameOf(flags: number, text: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(text)
  const frame = new Uint8Array(5 + bytes.byteLength)
  frame[0] = flags
  new DataView(frame.buffer).setUint32(1, bytes.byteLength)
  frame.set(bytes, 5)
  return frame
}
