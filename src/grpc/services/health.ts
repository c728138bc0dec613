import {
  Health,
  type HealthCheckResponse,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
} from '../gen/grpc/health/v1/health_pb.js'
import { type Method, methodsOf, sharedMessage } from '../service.ts'
import { RpcError, Status } from '../status.ts'
import { isStopping, type OpenStreams } from '../stream-limits.ts'

export type HealthDependencies = {
  /** As `/readyz`: there is something to serve, and the process is not stopping. */
  readonly isReady: () => Promise<boolean>
  readonly streams: OpenStreams
}

/** How often a watched state is looked at; only while somebody watches. */
const LOOK_MS = 500
/** Streams of this name count together in the limits: they belong to no environment. */
const WATCHERS = 'grpc.health.v1'

/** `grpc.health.v1` for the server as a whole (""), and for each of `services`, which stand and fall together. */
export function healthMethods(
  { isReady, streams }: HealthDependencies,
  services: readonly string[],
): [string, Method][] {
  const answers = new Map<Serving, HealthCheckResponse>()
  const answer = (status: Serving): HealthCheckResponse => {
    const known = answers.get(status) ?? sharedMessage(HealthCheckResponseSchema, { status })
    answers.set(status, known)
    return known
  }
  const isKnown = (service: string) => service === '' || services.includes(service)
  const statusOf = async (service: string) => {
    if (!isKnown(service)) return Serving.SERVICE_UNKNOWN
    return (await isReady()) ? Serving.SERVING : Serving.NOT_SERVING
  }
  async function* states(service: string, signal: AbortSignal) {
    let told: Serving | undefined
    while (!signal.aborted) {
      const status = await statusOf(service)
      if (status !== told) yield answer(status)
      told = status
      await pause(LOOK_MS, signal)
    }
    if (isStopping(signal) && isKnown(service) && told !== Serving.NOT_SERVING) yield answer(Serving.NOT_SERVING)
  }
  return methodsOf(Health, {
    check: async ({ service }) => {
      if (!isKnown(service)) throw new RpcError(Status.notFound, 'unknown service')
      return answer(await statusOf(service))
    },
    watch: ({ service }, call) => streams.hold(WATCHERS, call.signal, (signal) => states(service, signal)),
  })
}

/** Ends early, without an error, when the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
