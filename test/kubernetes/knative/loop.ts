/** Runs one piece of work again after each change, never twice at once; changes during a run make one more. */
export class Loop {
  readonly #onError: (error: unknown) => void
  #work: (() => Promise<void>) | undefined
  #isRunning = false
  #isDue = true

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** Changes before this are one. */
  start(work: () => Promise<void>): void {
    this.#work = work
    this.turn()
  }

  turn(): void {
    this.#isDue = true
    if (!this.#isRunning) void this.#run()
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#isDue && this.#work) {
      this.#isDue = false
      await this.#work().catch(this.#onError)
    }
    this.#isRunning = false
  }
}
