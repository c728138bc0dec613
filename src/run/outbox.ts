import type { Queue } from '../config/telemetry.ts'
import type { Waiting } from '../telemetry/spool.ts'

export type OutboxOptions<Batch> = Omit<Queue, 'capacity'> & {
  /** Rejects when the batch did not arrive. */
  readonly send: (batch: Batch) => Promise<void>
  readonly onFailure: (cause: unknown, count: number) => void
}

/**
 * Sends what gathers in a spool: a batch when there is one, or when the first of it has waited long enough. One batch is on its way
 * at a time, so that a slow collector costs memory for two queues at most, and what does not fit makes room in the spool. There
 * is no timer while there is nothing to send.
 */
export class Outbox<Batch extends { readonly length: number }> {
  readonly #spool: Waiting<Batch>
  readonly #options: OutboxOptions<Batch>
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined

  constructor(spool: Waiting<Batch>, options: OutboxOptions<Batch>) {
    this.#spool = spool
    this.#options = options
    spool.listen(() => this.#wake())
  }

  /** Sends all that is there. */
  async drain(): Promise<void> {
    while (this.#sending || this.#spool.size > 0) {
      this.#begin()
      await this.#sending
    }
  }

  #wake(): void {
    if (this.#sending) return
    if (this.#spool.size >= this.#options.batchMax) this.#begin()
    else this.#timer ??= setTimeout(() => this.#begin(), this.#options.delayMs).unref()
  }

  #begin(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sending ??= this.#sendBatch().finally(() => {
      this.#sending = undefined
      if (this.#spool.size > 0) this.#wake()
    })
  }

  async #sendBatch(): Promise<void> {
    const batch = this.#spool.take(this.#options.batchMax)
    try {
      await this.#options.send(batch)
    } catch (cause) {
      this.#spool.dropped.value += batch.length
      this.#options.onFailure(cause, batch.length)
    } finally {
      this.#spool.done(batch)
    }
  }
}
