import { type Counter, newCounter } from './tally.ts'

/** What waits to be sent. It holds so much and no more: the oldest make room, and are counted. */
export class Spool<T> {
  readonly capacity: number
  /** Those that made room, or could not be sent. */
  readonly dropped: Counter = newCounter()
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

  /** `wake` is called after each `push`. */
  listen(wake: () => void): void {
    this.#wake = wake
    if (this.#size > 0) wake()
  }

  push(item: T): void {
    if (this.#size === this.capacity) {
      this.done(this.take(1))
      this.dropped.value += 1
    }
    this.#items[(this.#first + this.#size) % this.capacity] = item
    this.#size += 1
    this.#wake()
  }

  /** Takes out the oldest, `max` at most. */
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

  /** Is told of what was taken that nobody needs any more. */
  done(_taken: readonly T[]): void {
    // what has no memory of its own leaves it to the collector of garbage
  }
}
