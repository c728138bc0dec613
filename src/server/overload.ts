import { originHeaders } from '../middleware/cors.ts'
import { type Asked, problemOf, RETRY_AFTER_SECONDS, type Refusal, refuseCall } from '../middleware/problem.ts'
import { isCall, keyIn } from '../routes/paths.ts'
import { parseTraceparent, traceIdAt } from '../telemetry/trace-context.ts'

/** Whoever is refused by one of these restarts the replica, takes it out of service, or no longer sees that it has too much to do. */
const NEVER = new Set(['/livez', '/readyz', '/startupz', '/health', '/ready', '/metrics'])
const HEALTH = '/grpc.health.v1.Health/'

const DETAIL = 'This replica has too much to do; ask again'
const HEADERS = { 'cache-control': 'no-store', 'retry-after': String(RETRY_AFTER_SECONDS) }
const JSON_HEADERS = { ...HEADERS, 'content-type': 'application/json' }
const PROBLEM_HEADERS = { ...HEADERS, 'content-type': 'application/problem+json' }

export type OverloadDependencies = {
  /** Full names of the services of RPC. */
  readonly services: readonly string[]
  /** Undefined: all. */
  readonly corsOrigins: readonly string[] | undefined
}

/**
 * Answers a request that is too much with 503, in the words of its protocol and from what is known without reading it: no route is
 * looked for and no key is checked. Undefined for probes and metrics, which are answered all the same.
 */
export function overload({ services, corsOrigins }: OverloadDependencies): (asked: Asked) => Refusal | undefined {
  const origin = originHeaders(corsOrigins)
  const calls = new Set(services)
  return ({ url, header }) => {
    const path = pathOf(url)
    if (NEVER.has(path) || path.startsWith(HEALTH)) return undefined
    if (path.startsWith('/ofrep/')) {
      const key = keyIn(path)
      const body = { ...(key !== undefined && { key }), errorCode: 'GENERAL', errorDetails: DETAIL }
      return { status: 503, headers: { ...JSON_HEADERS, ...origin(header('origin')) }, body: JSON.stringify(body) }
    }
    if (isCall(path, calls))
      return refuseCall(header('content-type') ?? '', DETAIL, { ...JSON_HEADERS, ...origin(header('origin')) })
    const traceId = parseTraceparent(header('traceparent'))?.traceId ?? traceIdAt(Math.random())
    const problem = problemOf(503, { code: 'unavailable', detail: DETAIL }, traceId)
    return { status: 503, headers: PROBLEM_HEADERS, body: JSON.stringify(problem) }
  }
}

function pathOf(url: string): string {
  const start = url.startsWith('/') ? 0 : Math.max(0, url.indexOf('/', url.indexOf(':') + 3))
  const end = url.search(/[?#]/)
  return url.slice(start, end < 0 ? undefined : end)
}
