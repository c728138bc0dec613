/** Something that a client has to finish. */
export type Waiting = { close(code: number): void }

/**
 * Cuts clients that take more than `ms` (up to twice as long) for what they have begun. Two sets that change places, instead of a
 * timer for each call: adding and removing is all that a call pays.
 */
export class Patience {
  readonly #ms: number
  readonly #code: number
  #young = new Set<Waiting>()
  #old = new Set<Waiting>()
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number, code: number) {
    this.#ms = ms
    this.#code = code
  }

  add(waiting: Waiting): void {
    this.#young.add(waiting)
    this.#timer ??= setInterval(() => this.#turn(), this.#ms).unref()
  }

  delete(waiting: Waiting): void {
    if (!this.#young.delete(waiting)) this.#old.delete(waiting)
  }

  #turn(): void {
    for (const waiting of this.#old) waiting.close(this.#code)
    this.#old = this.#young
    this.#young = new Set()
    if (this.#old.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
