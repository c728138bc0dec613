import { newTiming, Tally, type Timing } from '../telemetry/tally.ts'

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** What OpenTelemetry calls a method that it does not know. */
const OTHER_METHOD = '_OTHER'

/** Every request over HTTP, by method, pattern of the route and status: all three are of our making, whatever a client sends. */
export class Requests {
  readonly timings = new Tally(['method', 'route', 'status'], newTiming)
  /** The same cells where a request finds them without making anything: route, method, status. */
  readonly #known = new Map<string, Map<string, Timing[]>>()

  timing(method: string, route: string, status: number): Timing {
    return this.#known.get(route)?.get(method)?.[status] ?? this.#make(method, route, status)
  }

  #make(given: string, route: string, status: number): Timing {
    const method = METHODS.has(given) ? given : OTHER_METHOD
    const timing = this.timings.of(method, route, String(status))
    const methods = this.#known.get(route) ?? new Map<string, Timing[]>()
    const statuses = methods.get(method) ?? []
    statuses[status] = timing
    this.#known.set(route, methods.set(method, statuses))
    return timing
  }
}
