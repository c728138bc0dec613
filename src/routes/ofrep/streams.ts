import type { Snapshot } from '../../cache/snapshot.ts'
import type { Listener, Subscribed } from '../../cache/subscriptions.ts'
import { FlagError } from '../../flag/error.ts'
import { timelineOf } from '../../flag/timeline.ts'
import { Labeled, newCounter } from '../../telemetry/metrics.ts'
import type { Span } from '../../telemetry/span.ts'
import { fingerprintOf } from './etag.ts'

export type StreamsOptions = {
  readonly follow: (flagSetId: string, listener: Listener) => Promise<Subscribed>
  /** The oldest a stream gets; each ends up to a quarter earlier, so that those that began together do not end together. */
  readonly secondsMax: number
  readonly keepAliveMs?: number
  /** Open at once, in all and for one environment: above, the next is refused. */
  readonly max?: number
  readonly environmentMax?: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Milliseconds since 1970. */
  readonly wallNow: () => number
  /** From 0 up to 1. */
  readonly random: () => number
}

/** A quiet stream says that it is there: far below the idle time of proxies (60 s). */
const KEEP_ALIVE_MS = 20_000
const STREAMS_MAX = 10_000
/** The token of an environment may be public: whoever floods with it leaves room for the others. */
const ENVIRONMENT_STREAMS_MAX = 6_000
const RETRY_MIN_MS = 500
const RETRY_SPREAD_MS = 2_000
/** A change so short before a stream began may be newer than what its client has seen. */
const RECENT_MS = 10_000
/** Browsers come back within this time without evaluating again; an event's id says nothing of what time has changed meanwhile. */
const RECENT_BOUNDARY_SECONDS = 60
/** What a client has to take the end of its stream. */
const CUT_MS = 5_000
const TICKS_PER_KEEP_ALIVE = 10
const KEEP_ALIVE = new TextEncoder().encode(': keep-alive\n\n')

type End = 'client' | 'age' | 'stopping'
export type Opening = {
  /** The revision that the client saw last; null when it says none. */
  readonly lastEventId: string | null
  /** Undefined where it is not kept. */
  readonly span?: Span | undefined
}
type Controller = ReadableStreamDefaultController<Uint8Array>
/** One open stream. `late` is what its client could not take yet: the newest only. */
type Open = {
  readonly flagSetId: string
  readonly span: Span | undefined
  readonly endsAt: number
  beatAt: number
  controller: Controller | undefined
  late: Snapshot | undefined
  leave: (() => void) | undefined
}

/** Every open event stream of this replica, and their limits, pulse and end. */
export class Streams {
  /** Streams that are over, by why. */
  readonly ended = new Labeled(['reason'], newCounter)
  readonly #options: StreamsOptions
  readonly #open = new Set<Open>()
  readonly #counts = new Map<string, number>()
  readonly #keepAliveMs: number
  #ticker: ReturnType<typeof setInterval> | undefined
  #isEnded = false

  constructor(options: StreamsOptions) {
    this.#options = options
    this.#keepAliveMs = options.keepAliveMs ?? KEEP_ALIVE_MS
  }

  /** Streams that are open. */
  get size(): number {
    return this.#open.size
  }

  /**
   * Opens a stream of events of one environment; its span ends with it. Throws `unavailable` above a limit and after `endStreams()`, and what the environment's lookup throws.
   */
  async open(flagSetId: string, { lastEventId, span }: Opening): Promise<ReadableStream<Uint8Array>> {
    const stream = this.#admit(flagSetId, span)
    try {
      let last: Snapshot | undefined
      const followed = await this.#options.follow(flagSetId, {
        onSnapshot: (snapshot) => {
          if (snapshot !== last) this.#send(stream, snapshot)
        },
        onBoundary: (snapshot) => this.#send(stream, snapshot),
      })
      stream.leave = followed.leave
      if (!this.#open.has(stream)) throw new FlagError('unavailable', 'This replica is stopping')
      last = followed.snapshot
      const isBehind = lastEventId === null ? this.#isRecent(last) : lastEventId !== String(last.revision)
      if (isBehind || this.#hasPassedBoundary(last)) stream.late = last
      return this.#body(stream)
    } catch (error) {
      this.#forget(stream)
      throw error
    }
  }

  /** Ends every stream and lets no new one begin; each client is told to come back after a time of its own. */
  endStreams(): void {
    this.#isEnded = true
    for (const stream of this.#open) this.#end(stream, 'stopping')
  }

  #admit(flagSetId: string, span: Span | undefined): Open {
    const { max = STREAMS_MAX, environmentMax = ENVIRONMENT_STREAMS_MAX, secondsMax, now, random } = this.#options
    if (this.#isEnded) throw new FlagError('unavailable', 'This replica is stopping')
    const count = this.#counts.get(flagSetId) ?? 0
    if (this.#open.size >= max || count >= environmentMax)
      throw new FlagError('unavailable', 'Too many event streams are open')
    const endsAt = now() + secondsMax * 1_000 * (1 - random() / 4)
    const beatAt = now() + this.#keepAliveMs
    const stream: Open = { flagSetId, span, endsAt, beatAt, controller: undefined, late: undefined, leave: undefined }
    this.#open.add(stream)
    this.#counts.set(flagSetId, count + 1)
    this.#ticker ??= setInterval(() => this.#tick(), this.#keepAliveMs / TICKS_PER_KEEP_ALIVE)
    return stream
  }

  #body(stream: Open): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        stream.controller = controller
        controller.enqueue(this.#retry()) // at once: it also makes the head of the answer leave
      },
      pull: (controller) => {
        if (stream.late === undefined) return
        controller.enqueue(eventOf(stream.late))
        stream.late = undefined
      },
      cancel: () => this.#forget(stream, 'client'),
    })
  }

  /** What a slow reader cannot take now waits, and is overtaken by what is newer: nothing queues. */
  #send(stream: Open, snapshot: Snapshot): void {
    const { controller } = stream
    if (controller && (controller.desiredSize ?? 0) > 0) controller.enqueue(eventOf(snapshot))
    else stream.late = snapshot
  }

  #tick(): void {
    const now = this.#options.now()
    for (const stream of this.#open) {
      const { controller } = stream
      if (now >= stream.endsAt) this.#end(stream, 'age')
      else if (now >= stream.beatAt && controller && (controller.desiredSize ?? 0) > 0) {
        controller.enqueue(KEEP_ALIVE)
        stream.beatAt = now + this.#keepAliveMs
      }
    }
  }

  #end(stream: Open, reason: End): void {
    this.#forget(stream, reason)
    const { controller } = stream
    if (!controller) return
    const isChoked = (controller.desiredSize ?? 0) <= 0
    controller.enqueue(this.#retry())
    controller.close()
    if (!isChoked) return
    // A client that goes on taking nothing would keep its connection for ever. To one that took the rest this does nothing.
    setTimeout(() => controller.error(new Error('The client of an event stream takes nothing')), CUT_MS).unref()
  }

  #forget(stream: Open, reason?: End): void {
    stream.leave?.()
    if (!this.#open.delete(stream)) return
    if (reason && stream.controller) this.ended.of(reason).value += 1
    if (reason) stream.span?.setAttribute('flagstaff.stream.end', reason).end()
    const count = (this.#counts.get(stream.flagSetId) ?? 1) - 1
    if (count > 0) this.#counts.set(stream.flagSetId, count)
    else this.#counts.delete(stream.flagSetId)
    if (this.#open.size > 0) return
    clearInterval(this.#ticker)
    this.#ticker = undefined
  }

  #isRecent({ changedAt }: Snapshot): boolean {
    return this.#options.wallNow() - changedAt.getTime() < RECENT_MS
  }

  #hasPassedBoundary({ flagSet }: Snapshot): boolean {
    const now = Math.floor(this.#options.wallNow() / 1_000)
    return timelineOf(flagSet).hasMomentBetween(now - RECENT_BOUNDARY_SECONDS, now)
  }

  /** When to come back, each at another moment, so that a replica that ends does not send all its clients to the next at once. */
  #retry(): Uint8Array {
    const ms = RETRY_MIN_MS + Math.floor(this.#options.random() * RETRY_SPREAD_MS)
    return new TextEncoder().encode(`retry: ${ms}\n\n`)
  }
}

const events = new WeakMap<Snapshot, Uint8Array>()

/** The event of a snapshot, written once for all streams. */
function eventOf(snapshot: Snapshot): Uint8Array {
  const known = events.get(snapshot)
  if (known) return known
  const lastModified = Math.floor(snapshot.changedAt.getTime() / 1_000)
  const data = JSON.stringify({ type: 'refetchEvaluation', etag: fingerprintOf(snapshot), lastModified })
  const event = new TextEncoder().encode(`id: ${snapshot.revision}\nevent: message\ndata: ${data}\n\n`)
  events.set(snapshot, event)
  return event
}
