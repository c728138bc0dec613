import { type DurationHistogram, type HistogramValue, Labeled, newHistogram } from './counters.ts'

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** OpenTelemetry's name for a method that it does not know. */
const OTHER_METHOD = '_OTHER'

/** A method as a label: one of a closed set, whatever a client sends. */
export const methodLabel = (method: string): string => (METHODS.has(method) ? method : OTHER_METHOD)

/** Durations of HTTP requests, by method, pattern of the route and status. */
export class RequestDurations {
  readonly recorded = new Labeled(['method', 'route', 'status'], newHistogram)
  /** Reads the durations that @hono/prometheus has measured; set by its middleware when that is loaded. */
  measured: () => Promise<readonly HistogramValue[]> = () => Promise.resolve([])
  /** The histograms of `recorded` by route, method and status, found without making a key. */
  readonly #known = new Map<string, Map<string, DurationHistogram[]>>()

  of(method: string, route: string, status: number): DurationHistogram {
    return this.#known.get(route)?.get(method)?.[status] ?? this.#make(methodLabel(method), route, status)
  }

  #make(method: string, route: string, status: number): DurationHistogram {
    const histogram = this.recorded.of(method, route, String(status))
    const methods = this.#known.get(route) ?? new Map<string, DurationHistogram[]>()
    const statuses = methods.get(method) ?? []
    statuses[status] = histogram
    this.#known.set(route, methods.set(method, statuses))
    return histogram
  }
}
