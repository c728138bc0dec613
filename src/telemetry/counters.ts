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
