/** A number that only grows. */
export type Counter = { value: number }
export const newCounter = (): Counter => ({ value: 0 })

/** Upper bounds of a timing's buckets, in seconds: from an evaluation in memory to a statement that timed out. */
export const BOUNDS_SECONDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
]

/** One of the things that were timed, by whose trace it can be looked at. */
export type Exemplar = { readonly traceId: string; readonly seconds: number /** Unix seconds. */; readonly at: number }

/** How often something happened and how long it took. Adding makes nothing and takes some 10 ns. */
export class Timing {
  /** How many took at most as long as each bound and longer than the one before; the last: longer than all. */
  readonly counts: number[] = new Array(BOUNDS_SECONDS.length + 1).fill(0)
  /** The newest of each bucket, where one is known. */
  readonly exemplars: (Exemplar | undefined)[] = []
  seconds = 0

  add(seconds: number, traceId?: string): void {
    const bucket = bucketOf(seconds)
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1
    this.seconds += seconds
    if (traceId !== undefined) this.exemplars[bucket] = { traceId, seconds, at: Date.now() / 1_000 }
  }
}
export const newTiming = (): Timing => new Timing()

function bucketOf(seconds: number): number {
  let bucket = 0
  while (seconds > (BOUNDS_SECONDS[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1
  return bucket
}

type Values<Names extends readonly string[]> = { readonly [Place in keyof Names]: string }

/**
 * Cells that are told apart by labels, and know no metrics system: whoever shows them reads them when asked. They are never forgotten, so
 * every value of a label must come from a closed set, whatever a client sends.
 */
export class Tally<const Names extends readonly string[], Cell> {
  readonly #names: Names
  readonly #make: () => Cell
  readonly #cells = new Map<string, { readonly labels: Readonly<Record<string, string>>; readonly cell: Cell }>()

  constructor(names: Names, make: () => Cell) {
    this.#names = names
    this.#make = make
  }

  /** The cell with these labels, made when it is first asked for. Who counts often keeps it: finding costs more than counting. */
  of(...values: Values<Names>): Cell {
    const key = values.join('\0')
    const held = this.#cells.get(key)
    if (held) return held.cell
    const labels = Object.fromEntries(this.#names.map((name, place) => [name, values[place] ?? '']))
    const cell = this.#make()
    this.#cells.set(key, { labels, cell })
    return cell
  }

  all(): Iterable<{ readonly labels: Readonly<Record<string, string>>; readonly cell: Cell }> {
    return this.#cells.values()
  }
}
