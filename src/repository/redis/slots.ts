/** Lets `max` pieces of work run at once; the others wait in order. */
export class Slots {
  readonly max: number
  readonly #waiting: { start(): void; reject(error: unknown): void }[] = []
  #used = 0

  constructor(max: number) {
    this.max = max
  }

  get used(): number {
    return this.#used
  }

  get waiting(): number {
    return this.#waiting.length
  }

  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#used < this.max) this.#used += 1
    else await new Promise<void>((start, reject) => this.#waiting.push({ start, reject }))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next.start()
      else this.#used -= 1
    }
  }

  /** Fails all work that has not started. */
  rejectWaiting(error: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }
}
