import { setTimeout as sleep } from 'node:timers/promises'
import {
  Health,
  type HealthCheckResponse,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
} from '../gen/grpc/health/v1/health_pb.js'
import { type MethodEntry, methodsOf, RpcError, StatusCode, sharedMessage } from '../service.ts'
import { isStopping, type OpenStreams } from '../stream-limits.ts'

export type HealthDependencies = {
  /** As `/readyz`: data is loaded and the process is not shutting down. */
  readonly isReady: () => Promise<boolean>
  readonly streams: OpenStreams
}

/** Interval of the checks while a client watches. */
const CHECK_MS = 500
/** The name of all Watch streams in the stream limits: they belong to no environment. */
const WATCHERS = 'grpc.health.v1'

/** `grpc.health.v1` for the server as a whole ("") and for each of `services`; all have the same status. */
export function healthMethods({ isReady, streams }: HealthDependencies, services: readonly string[]): MethodEntry[] {
  const responses = new Map<Serving, HealthCheckResponse>()
  const response = (status: Serving): HealthCheckResponse => {
    const cached = responses.get(status) ?? sharedMessage(HealthCheckResponseSchema, { status })
    responses.set(status, cached)
    return cached
  }
  const isKnown = (service: string) => service === '' || services.includes(service)
  const statusOf = async (service: string) => {
    if (!isKnown(service)) return Serving.SERVICE_UNKNOWN
    return (await isReady()) ? Serving.SERVING : Serving.NOT_SERVING
  }
  async function* statuses(service: string, signal: AbortSignal) {
    let last: Serving | undefined
    while (!signal.aborted) {
      const status = await statusOf(service)
      if (status !== last) yield response(status)
      last = status
      await sleep(CHECK_MS, undefined, { signal }).catch(() => undefined) // rejects when the signal aborts
    }
    if (isStopping(signal) && isKnown(service) && last !== Serving.NOT_SERVING) yield response(Serving.NOT_SERVING)
  }
  return methodsOf(Health, {
    check: async ({ service }) => {
      if (!isKnown(service)) throw new RpcError(StatusCode.notFound, 'unknown service')
      return response(await statusOf(service))
    },
    watch: ({ service }, call) => streams.run(WATCHERS, call.signal, (signal) => statuses(service, signal)),
  })
}
