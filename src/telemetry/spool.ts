import { type Counter, newCounter } from './tally.ts'

/** What waits to be sent, in batches. */
export type Waiting<Batch> = {
  readonly size: number
  /** Those that made room, or could not be sent. */
  readonly dropped: Counter
  /** `wake` is called after each `push`. */
  listen(wake: () => void): void
  /** Takes out the oldest, `max` at most. */
  take(max: number): Batch
  /** Is told of what was taken that nobody needs any more. */
  done(batch: Batch): void
}

/** What waits to be sent. It holds so much and no more: the oldest make room, and are counted. */
export class Spool<T> implements Waiting<T[]> {
  readonly capacity: number
  readonly dropped = newCounter()
  readonly #items: (T | undefined)[]
  #first = 0
  #size = 0
  #wake: () => void = () => undefined

  constructor(capacity: number) {
    this.capacity = capacity
    this.#items = []
  }

  get size(): number {
    return this.#size
  }

  listen(wake: () => void): void {
    this.#wake = wake
    if (this.#size > 0) wake()
  }

  push(item: T): void {
    if (this.#size === this.capacity) {
      this.take(1)
      this.dropped.value += 1
    }
    this.#items[(this.#first + this.#size) % this.capacity] = item
    this.#size += 1
    this.#wake()
  }

  take(max: number): T[] {
    const taken: T[] = []
    while (taken.length < max && this.#size > 0) {
      const item = this.#items[this.#first]
      this.#items[this.#first] = undefined
      this.#first = (this.#first + 1) % this.capacity
      this.#size -= 1
      if (item !== undefined) taken.push(item)
    }
    return taken
  }

  done(_taken: readonly T[]): void {
    // leaves them to the collector of garbage
  }
}
