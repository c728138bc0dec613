import { newCounter } from './metrics.ts'

/**
 * A bounded queue in front of the OpenTelemetry SDK, which is loaded later than the first items are made. Items wait here until `connect()` and
 * then pass straight on to the SDK's batch processor. At most `capacity` items wait here and there together, those on their way to the
 * collector included; further ones are dropped and counted.
 */
export class Pending<T> {
  readonly capacity: number
  /** Items that found the queue full, and items that the collector did not take. */
  readonly dropped = newCounter()
  #size = 0
  #items: T[] = []
  #pass: ((item: T) => void) | undefined
  #wake: (size: number) => void = () => undefined

  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** Items that are neither exported nor dropped yet. */
  get size(): number {
    return this.#size
  }

  push(item: T): void {
    if (this.#size >= this.capacity) {
      this.dropped.value += 1
      return
    }
    this.#size += 1
    if (this.#pass) {
      this.#pass(item)
      return
    }
    this.#items.push(item)
    this.#wake(this.#size)
  }

  /** `wake` is called with the number of items that wait, for each one that comes before `connect()`. */
  listen(wake: (size: number) => void): void {
    this.#wake = wake
    if (this.#size > 0) wake(this.#size)
  }

  /** Passes on all items, those that wait first. */
  connect(pass: (item: T) => void): void {
    this.#pass = pass
    for (const item of this.#items) pass(item)
    this.#items = []
  }

  /** Makes room for as many items as were exported, or lost. */
  settle(count: number, isLost: boolean): void {
    this.#size -= count
    if (isLost) this.dropped.value += count
  }
}
