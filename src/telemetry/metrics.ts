import type { Evaluation, Failure, Success } from '../flag/evaluate.ts'

/** The counters and histograms that the parts of a replica record into. `registry.ts` reads them at each scrape. */
export type Metrics = ReturnType<typeof newMetrics>

export const newMetrics = () => ({
  http: new RequestDurations(),
  /** By method, `<package>.<service>/<method>`, and the name of the status. Both are closed sets. */
  rpc: new Labeled(['method', 'code'], newHistogram),
  /** Requests and calls that were refused by a bound. */
  shed: { concurrency: newCounter(), delay: newCounter() },
  evaluations: new EvaluationCounts(),
  damagedCopies: newCounter(),
  hints: newCounter(),
})

/** A number that only grows. */
export type Counter = { value: number }
export const newCounter = (): Counter => ({ value: 0 })

/** Upper bounds of the buckets of a histogram, in seconds: from an evaluation in memory to a statement that timed out. */
export const BOUNDS_SECONDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
]

/** One of the durations, with the trace that shows it. */
export type Exemplar = { readonly traceId: string; readonly seconds: number /** Unix seconds. */; readonly at: number }

/** How often something happened and how long it took. Adding a duration allocates nothing and takes 10 ns. */
export class DurationHistogram {
  /** Durations up to each bound and above the one before; the last: above all bounds. */
  readonly counts: number[] = new Array(BOUNDS_SECONDS.length + 1).fill(0)
  /** The newest of each bucket, where its trace is known. */
  readonly exemplars: (Exemplar | undefined)[] = []
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
/** What prom-client prints of a histogram; `part` is the end of the name of a series: "_bucket", "_sum" or "_count". */
export type HistogramValue = {
  readonly part: string
  readonly labels: Labels
  readonly value: number
  readonly exemplar?: object | undefined
}
type Values<Names extends readonly string[]> = { readonly [Place in keyof Names]: string }

/**
 * Counters or histograms by their labels, without a metrics library: `registry.ts` reads them at a scrape. They are kept for ever, so every value
 * of a label must come from a closed set, whatever a client sends.
 */
export class Labeled<const Names extends readonly string[], Cell> {
  readonly #names: Names
  readonly #make: () => Cell
  readonly #cells = new Map<string, { readonly labels: Labels; readonly cell: Cell }>()

  constructor(names: Names, make: () => Cell) {
    this.#names = names
    this.#make = make
  }

  /** The cell with these labels, made at its first use. Callers on a hot path keep it: finding it costs more than counting. */
  of(...values: Values<Names>): Cell {
    const key = values.join('\0')
    const held = this.#cells.get(key)
    if (held) return held.cell
    const labels = Object.fromEntries(this.#names.map((name, place) => [name, values[place] ?? '']))
    const cell = this.#make()
    this.#cells.set(key, { labels, cell })
    return cell
  }

  all(): Iterable<{ readonly labels: Labels; readonly cell: Cell }> {
    return this.#cells.values()
  }
}

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

/** How an evaluation ended: the reason of an answer, or the code of an error. */
export type Outcome = Success['reason'] | Failure['errorCode']
export type Outcomes = Record<Outcome, number>
type Sums = ReadonlyMap<Success['reason'], number>

/** Environments told apart at most; answers of further ones are counted together. */
const ENVIRONMENTS_MAX = 1_000
/** No environment has this name: theirs have a slash. */
const OTHERS = 'other'

/** How many evaluations ended how, by environment, since the process began. Knows no flags: their number has no limit. */
export class EvaluationCounts {
  readonly #outcomes = new Map<string, Outcomes>()
  readonly #sums = new WeakMap<readonly Success[], Sums>()

  /** Notes an answer of the environment `flagSetId`; takes some 20 ns. */
  count(flagSetId: string, evaluation: Evaluation): void {
    const outcomes = this.#outcomes.get(flagSetId) ?? this.#outcomesOf(flagSetId)
    outcomes[evaluation.reason === 'ERROR' ? evaluation.errorCode : evaluation.reason] += 1
  }

  /** Notes each of these answers of one environment; the list is added up when it comes for the first time. */
  countAll(flagSetId: string, evaluations: readonly Success[]): void {
    const outcomes = this.#outcomes.get(flagSetId) ?? this.#outcomesOf(flagSetId)
    const sums = this.#sums.get(evaluations) ?? this.#addUp(evaluations)
    for (const [reason, times] of sums) outcomes[reason] += times
  }

  all(): Iterable<[flagSetId: string, outcomes: Outcomes]> {
    return this.#outcomes
  }

  #addUp(evaluations: readonly Success[]): Sums {
    const sums = new Map<Success['reason'], number>()
    for (const { reason } of evaluations) sums.set(reason, (sums.get(reason) ?? 0) + 1)
    this.#sums.set(evaluations, sums)
    return sums
  }

  #outcomesOf(flagSetId: string): Outcomes {
    const name = this.#outcomes.size < ENVIRONMENTS_MAX ? flagSetId : OTHERS
    const held = this.#outcomes.get(name)
    if (held) return held
    const outcomes: Outcomes = {
      STATIC: 0,
      DEFAULT: 0,
      TARGETING_MATCH: 0,
      DISABLED: 0,
      FLAG_NOT_FOUND: 0,
      PARSE_ERROR: 0,
      TYPE_MISMATCH: 0,
      GENERAL: 0,
    }
    this.#outcomes.set(name, outcomes)
    return outcomes
  }
}
