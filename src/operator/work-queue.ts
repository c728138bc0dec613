export type WorkQueueOptions = {
  /** Works on one key. Returns after how many milliseconds it is to be repeated; undefined: when it is added again. Must not fail. */
  readonly work: (key: string) => Promise<number | undefined>
  /** Keys that are worked on at once. */
  readonly workers: number
  /** How long a key waits for further changes, in milliseconds. */
  readonly debounceMs: number
}

/** Keys to work on: each once, however often it is added, and never twice at the same time. */
export class WorkQueue {
  readonly #options: WorkQueueOptions
  readonly #timers = new Map<string, { readonly timer: NodeJS.Timeout; readonly at: number }>()
  readonly #ready = new Set<string>()
  readonly #running = new Map<string, Promise<void>>()
  /** Keys that were added while they were worked on. */
  readonly #again = new Set<string>()
  #isClosed = false

  constructor(options: WorkQueueOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#timers.size + this.#ready.size + this.#running.size
  }

  /** Adds a key, to be worked on after `delayMs` at the latest: one that waits for longer is brought forward, and none is put off. */
  add(key: string, delayMs = this.#options.debounceMs): void {
    const waiting = this.#timers.get(key)
    const at = performance.now() + delayMs
    if (this.#isClosed || this.#ready.has(key) || (waiting && waiting.at <= at)) return
    clearTimeout(waiting?.timer)
    this.#timers.set(key, { timer: setTimeout(() => this.#makeReady(key), delayMs), at })
  }

  /** Takes no more keys, and resolves when those in progress are done. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const { timer } of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    this.#ready.clear()
    await Promise.all(this.#running.values())
  }

  #makeReady(key: string): void {
    this.#timers.delete(key)
    if (this.#running.has(key)) this.#again.add(key)
    else this.#ready.add(key)
    this.#next()
  }

  #next(): void {
    for (const key of this.#ready) {
      if (this.#running.size >= this.#options.workers) return
      this.#ready.delete(key)
      this.#running.set(key, this.#run(key))
    }
  }

  async #run(key: string): Promise<void> {
    const delayMs = await this.#options.work(key)
    this.#running.delete(key)
    if (this.#again.delete(key)) this.add(key)
    else if (delayMs !== undefined && !this.#timers.has(key)) this.add(key, delayMs)
    this.#next()
  }
}
