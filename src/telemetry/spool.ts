import { newCounter } from './tally.ts'

/** What waits to be sent, and is taken in batches. It holds so much and no more: the oldest make room, and are counted. */
export abstract class Waiting<Batch> {
  readonly capacity: number
  /** Those that made room, or could not be sent. */
  readonly dropped = newCounter()
  #size = 0
  #wake: () => void = () => undefined

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get size(): number {
    return this.#size
  }

  /** `wake` is called after each that comes. */
  listen(wake: () => void): void {
    this.#wake = wake
    if (this.#size > 0) wake()
  }

  /** Takes out the oldest, `max` at most. */
  abstract take(max: number): Batch

  /** Is told of what was taken that nobody needs any more. */
  abstract done(batch: Batch): void

  protected came(): void {
    this.#size += 1
    this.#wake()
  }

  protected went(count: number): void {
    this.#size -= count
  }
}

export class Spool<T> extends Waiting<T[]> {
  readonly #items: (T | undefined)[] = []
  #first = 0

  push(item: T): void {
    if (this.size === this.capacity) {
      this.take(1)
      this.dropped.value += 1
    }
    this.#items[(this.#first + this.size) % this.capacity] = item
    this.came()
  }

  override take(max: number): T[] {
    const taken: T[] = []
    while (taken.length < max && this.size > 0) {
      const item = this.#items[this.#first]
      this.#items[this.#first] = undefined
      this.#first = (this.#first + 1) % this.capacity
      this.went(1)
      if (item !== undefined) taken.push(item)
    }
    return taken
  }

  override done(_taken: readonly T[]): void {
    // leaves them to the collector of garbage
  }
}
