import { newCounter } from './metrics.ts'

/**
 * A bounded queue before the OpenTelemetry SDK, which is loaded later. Items wait until `connect()`; later ones go directly to the SDK's batch
 * processor. `capacity` includes the items that the processor has not exported yet; further ones are dropped and counted.
 */
export class ExportQueue<T> {
  readonly capacity: number
  /** Items that found the queue full, and items that the collector did not accept. */
  readonly dropped = newCounter()
  #size = 0
  #items: T[] = []
  #forward: ((item: T) => void) | undefined
  #onPush: (size: number) => void = () => undefined

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
    if (this.#forward) {
      this.#forward(item)
      return
    }
    this.#items.push(item)
    this.#onPush(this.#size)
  }

  /** Sets the listener for items before `connect()`: it gets the number of waiting items. */
  listen(onPush: (size: number) => void): void {
    this.#onPush = onPush
    if (this.#size > 0) onPush(this.#size)
  }

  /** Forwards the waiting items and all later ones. */
  connect(forward: (item: T) => void): void {
    this.#forward = forward
    for (const item of this.#items) forward(item)
    this.#items = []
  }

  /** Frees the capacity of items that were exported, or lost. */
  settle(count: number, isLost: boolean): void {
    this.#size -= count
    if (isLost) this.dropped.value += count
  }
}
