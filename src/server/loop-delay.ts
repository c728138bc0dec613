/** How often a busy loop is looked at: it costs nothing that can be measured, and is far below any delay that matters. */
const LOOK_MS = 20
/** So many requests come in a turn of a loop that has too much to do, before it is looked at how late it is. A power of two. */
const MANY = 64
/** How long a loop counts as strained after it was late: as long as refused callers are told to wait. */
const STRAINED_MS = 1_000

/**
 * How long it is refused at a time, as a share of how long it was let in: thousands of requests. A turn with more of them than that
 * goes on to let in, or it would refuse all there is for as long as no timer runs.
 */
const REFUSING_SHARE = 0.25

export type LoopDelayOptions = {
  /** How late the event loop may be, in milliseconds; 0: as late as it is. */
  readonly delayMsMax: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** A timer of the event loop. */
  readonly after: (ms: number, run: () => void) => void
}

/**
 * How late the event loop is: how much later than it should a timer runs. The timer is set by a request and never by itself, so
 * that without requests nothing runs. A loop that was late is *strained*, and that alone refuses nobody: one long piece of
 * work, or a process that was frozen, leaves few requests behind, which may as well be answered. While it is strained, each
 * turn lets requests in until the timer is overdue by `delayMsMax`; what else waits in that turn came too late. Node's loop runs
 * no timer as long as more than 1,024 connections have something to say, so that many requests look at the clock as well.
 */
export class LoopDelay {
  readonly #options: LoopDelayOptions
  /** When the timer should run; undefined: none is set. */
  #dueAt: number | undefined
  /** Requests since it was set. */
  #asked = 0
  /** When the clock was read last. */
  #seenAt = 0
  #strainedUntil = Number.NEGATIVE_INFINITY
  #isStrained = false

  constructor(options: LoopDelayOptions) {
    this.#options = options
  }

  /** Notes that there is a request. Costs two comparisons: the timer is set once for all requests of 20 ms. */
  ask(): void {
    this.#asked += 1
    if (this.#dueAt === undefined) {
      if (this.#options.delayMsMax > 0) this.#look()
    } else if (this.#asked % MANY === 0) this.#judge(this.#dueAt)
  }

  /** Whether a request that comes now comes too late. Reads no clock unless the loop is strained. */
  isTooLong(): boolean {
    if (!this.#isStrained || this.#dueAt === undefined) return false
    const { delayMsMax, now } = this.#options
    const at = now()
    const stoodMs = at - this.#seenAt
    this.#seenAt = at
    // So long between two requests is no queue of them: something else was done, or the process had no processor.
    if (stoodMs > delayMsMax / 2) this.#dueAt += stoodMs
    if (at > this.#strainedUntil) return false
    const lateMs = at - this.#dueAt
    if (lateMs <= delayMsMax) return false
    this.#strainedUntil = at + STRAINED_MS
    if (lateMs > delayMsMax * (1 + REFUSING_SHARE)) this.#dueAt = at
    return true
  }

  #look(): void {
    const { now, after } = this.#options
    this.#asked = 0
    this.#seenAt = now()
    this.#dueAt = this.#seenAt + LOOK_MS
    after(LOOK_MS, () => this.#turn())
  }

  #turn(): void {
    if (this.#dueAt !== undefined) this.#judge(this.#dueAt)
    this.#dueAt = undefined
    if (this.#asked > 0) this.#look()
  }

  #judge(dueAt: number): void {
    const { delayMsMax, now } = this.#options
    const at = now()
    this.#seenAt = at
    // It takes half as much to stay strained as to become it, so that a load at the bound does not make it come and go.
    const wasStrained = dueAt <= this.#strainedUntil
    if (at - dueAt > (wasStrained ? delayMsMax / 2 : delayMsMax)) {
      this.#strainedUntil = at + STRAINED_MS
      if (!wasStrained) this.#dueAt = at // why it is late is not known yet
    }
    this.#isStrained = at <= this.#strainedUntil
  }
}
