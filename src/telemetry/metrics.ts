import type { Evaluation, Success } from '../flag/evaluate.ts'

/** The counters and histograms that several parts of a replica record. `prometheus.ts` reads them at each scrape. */
export type Metrics = ReturnType<typeof newMetrics>

export const newMetrics = () => ({
  http: new RequestDurations(),
  /** By method, `<package>.<service>/<method>`, and name of the status code. Both are closed sets. */
  rpc: new Labeled(['method', 'code'], newHistogram),
  /** Requests and calls refused by the concurrency limit. */
  shed: newCounter(),
  evaluations: new EvaluationCounts(),
  damagedSnapshots: newCounter(),
  invalidations: newCounter(),
})

/** A number that only increases. */
export type Counter = { value: number }
export const newCounter = (): Counter => ({ value: 0 })

/** Upper bounds of the buckets, in seconds: from an evaluation in memory to a statement that timed out. */
export const BOUNDS_SECONDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
]

/** A histogram of durations. Adding one allocates nothing and takes 10 ns. */
export class DurationHistogram {
  /** One count per bucket, not cumulative; the last is above all bounds. */
  readonly counts: number[] = new Array(BOUNDS_SECONDS.length + 1).fill(0)
  /** The newest duration of each bucket and its trace; `at` is in unix seconds. */
  readonly exemplars: ({ traceId: string; seconds: number; at: number } | undefined)[] = []
  seconds = 0

  add(seconds: number, traceId?: string): void {
    const bucket = bucketOf(seconds)
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1
    this.seconds += seconds
    if (traceId !== undefined) this.exemplars[bucket] = { traceId, seconds, at: Date.now() / 1_000 }
  }
}
export const newHistogram = (): DurationHistogram => new DurationHistogram()

function bucketOf(seconds: number): number {
  let bucket = 0
  while (seconds > (BOUNDS_SECONDS[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1
  return bucket
}

export type Labels = Readonly<Record<string, string>>
/** One sample of a histogram in the form of prom-client; `part` is the suffix of its name: "_bucket", "_sum" or "_count". */
export type HistogramValue = {
  readonly part: string
  readonly labels: Labels
  readonly value: number
  readonly exemplar?: object | undefined
}

/**
 * Counters or histograms by their labels, independent of prom-client. A combination of labels is never removed, so every value must come from a
 * closed set that no client can extend.
 */
export class Labeled<const Names extends readonly string[], Cell> {
  readonly #names: Names
  readonly #create: () => Cell
  readonly #cells = new Map<string, { readonly labels: Labels; readonly cell: Cell }>()

  constructor(names: Names, create: () => Cell) {
    this.#names = names
    this.#create = create
  }

  /** The cell with these label values, created at its first use. A hot path keeps it: the lookup costs more than counting. */
  of(...values: { readonly [Index in keyof Names]: string }): Cell {
    const key = values.join('\0')
    const existing = this.#cells.get(key)
    if (existing) return existing.cell
    const labels = Object.fromEntries(this.#names.map((name, index) => [name, values[index] ?? '']))
    const cell = this.#create()
    this.#cells.set(key, { labels, cell })
    return cell
  }

  all(): Iterable<{ readonly labels: Labels; readonly cell: Cell }> {
    return this.#cells.values()
  }
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** OpenTelemetry's name of an unknown method. */
const OTHER_METHOD = '_OTHER'

/** The label of an HTTP method, from a closed set. */
export const methodLabel = (method: string): string => (METHODS.has(method) ? method : OTHER_METHOD)

/** Durations of HTTP requests by method, route pattern and status. */
export class RequestDurations {
  readonly recorded = new Labeled(['method', 'route', 'status'], newHistogram)
  /** Reads the durations that @hono/prometheus has measured; its middleware sets this when it is loaded. */
  measured: () => Promise<readonly HistogramValue[]> = () => Promise.resolve([])
  /** The histograms of `recorded` by route, method and status: a lookup without a joined key. */
  readonly #cache = new Map<string, Map<string, DurationHistogram[]>>()

  of(method: string, route: string, status: number): DurationHistogram {
    return this.#cache.get(route)?.get(method)?.[status] ?? this.#create(methodLabel(method), route, status)
  }

  #create(method: string, route: string, status: number): DurationHistogram {
    const histogram = this.recorded.of(method, route, String(status))
    const methods = this.#cache.get(route) ?? new Map<string, DurationHistogram[]>()
    const statuses = methods.get(method) ?? []
    statuses[status] = histogram
    this.#cache.set(route, methods.set(method, statuses))
    return histogram
  }
}

/** The reasons of successful evaluations, and the error codes of failed ones. */
export const REASONS = ['STATIC', 'DEFAULT', 'TARGETING_MATCH', 'DISABLED'] as const
export const ERROR_CODES = ['FLAG_NOT_FOUND', 'PARSE_ERROR', 'TYPE_MISMATCH', 'GENERAL'] as const
type ResultCounts = Record<(typeof REASONS)[number] | (typeof ERROR_CODES)[number], number>

/** Environments with counts of their own; further ones share one. */
const ENVIRONMENTS_MAX = 1_000
/** Cannot be the id of a flag set: ids contain a slash. */
const OTHERS = 'other'

/** The evaluations of this process by environment and result. Not by flag: the number of flags has no limit. */
export class EvaluationCounts {
  readonly #counts = new Map<string, ResultCounts>()
  readonly #reasons = new WeakMap<readonly Success[], ReadonlyMap<Success['reason'], number>>()

  /** Counts an evaluation in the environment `flagSetId`; takes about 20 ns. */
  count(flagSetId: string, evaluation: Evaluation): void {
    const counts = this.#counts.get(flagSetId) ?? this.#create(flagSetId)
    counts[evaluation.reason === 'ERROR' ? evaluation.errorCode : evaluation.reason] += 1
  }

  /** Counts the evaluations of a list. Its sums are cached by the identity of the list. */
  countAll(flagSetId: string, evaluations: readonly Success[]): void {
    const counts = this.#counts.get(flagSetId) ?? this.#create(flagSetId)
    const reasons = this.#reasons.get(evaluations) ?? this.#sum(evaluations)
    for (const [reason, count] of reasons) counts[reason] += count
  }

  all(): Iterable<[flagSetId: string, counts: ResultCounts]> {
    return this.#counts
  }

  #sum(evaluations: readonly Success[]): ReadonlyMap<Success['reason'], number> {
    const reasons = new Map<Success['reason'], number>()
    for (const { reason } of evaluations) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    this.#reasons.set(evaluations, reasons)
    return reasons
  }

  #create(flagSetId: string): ResultCounts {
    const name = this.#counts.size < ENVIRONMENTS_MAX ? flagSetId : OTHERS
    const existing = this.#counts.get(name)
    if (existing) return existing
    const counts = Object.fromEntries([...REASONS, ...ERROR_CODES].map((result) => [result, 0])) as ResultCounts
    this.#counts.set(name, counts)
    return counts
  }
}
