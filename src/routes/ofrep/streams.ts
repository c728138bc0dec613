import type { Snapshot } from '../../cache/snapshots.ts'
import type { SnapshotListener, Subscribed } from '../../cache/subscriptions.ts'
import { FlagError } from '../../flag/error.ts'
import { timelineOf } from '../../flag/timeline.ts'
import { Labeled, newCounter } from '../../telemetry/metrics.ts'
import type { Span } from '../../telemetry/span.ts'
import { fingerprintOf } from './etag.ts'

export type StreamsOptions = {
  readonly follow: (flagSetId: string, listener: SnapshotListener) => Promise<Subscribed>
  /** Longest life of a stream. Each ends up to a quarter earlier, at random, so that streams that began together do not end together. */
  readonly secondsMax: number
  readonly keepAliveMs?: number
  /** Streams open at once, in all and of one name: of one environment, or of one project. */
  readonly max?: number
  readonly environmentMax?: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Milliseconds since 1970. */
  readonly wallNow: () => number
  /** From 0 up to 1. */
  readonly random: () => number
}

/** Far below the idle time-out of proxies (60 s). */
const KEEP_ALIVE_MS = 20_000
const STREAMS_MAX = 10_000
/** The token of an environment may be public: a flood of its streams leaves room for other environments. */
const ENVIRONMENT_STREAMS_MAX = 6_000
const RETRY_MIN_MS = 500
const RETRY_SPREAD_MS = 2_000
/** A change in this time before a stream began may be newer than the client's values. */
const RECENT_MS = 10_000
/** Browsers reconnect within this time without evaluating again, and Last-Event-ID does not show whether time has changed a value since. */
const RECENT_BOUNDARY_SECONDS = 60
/** Time for a client to read the end of its stream. */
const ABORT_MS = 5_000
const TICKS_PER_KEEP_ALIVE = 10
const KEEP_ALIVE = new TextEncoder().encode(': keep-alive\n\n')

type EndReason = 'client' | 'age' | 'stopping' | 'revoked' | 'deleted'
export type OpenOptions = {
  /** Undefined where the trace is not sampled. */
  readonly span?: Span | undefined
  /** Whether the key of the client is still usable, checked with each keep-alive. Undefined: the client has no key. */
  readonly isUsable?: (() => Promise<boolean>) | undefined
}
/**
 * Where the events of a stream come from. `ifSlow` is what a client that cannot receive the event gets later in place of it, and of those
 * before it. `first` is sent at once. `checkKey` ends the stream if the key of its client is no longer usable; `end`, because what the
 * stream is about was deleted.
 */
export type EventSource = (
  send: (event: Uint8Array, ifSlow?: Uint8Array) => void,
  checkKey: () => void,
  end: () => void,
) => Promise<{ readonly leave: () => void; readonly first: Uint8Array | undefined }>

/** One open stream. `pending` is the newest event that its client was too slow to receive. */
type OpenStream = OpenOptions & {
  readonly name: string
  readonly endsAt: number
  keepAliveAt: number
  controller?: ReadableStreamDefaultController<Uint8Array>
  pending?: Uint8Array | undefined
  unsubscribe?: () => void
}

/** The open event streams of this replica: limits, keep-alive, end. */
export class Streams {
  /** Streams that have ended, by reason. */
  readonly ended = new Labeled(['reason'], newCounter)
  readonly #options: StreamsOptions
  readonly #open = new Set<OpenStream>()
  readonly #counts = new Map<string, number>()
  readonly #keepAliveMs: number
  #ticker: ReturnType<typeof setInterval> | undefined
  #isClosed = false

  constructor(options: StreamsOptions) {
    this.#options = options
    this.#keepAliveMs = options.keepAliveMs ?? KEEP_ALIVE_MS
  }

  /** Streams that are open. */
  get size(): number {
    return this.#open.size
  }

  /**
   * Opens a stream of events of one environment; its span ends with it. `lastEventId`: the last revision that the client received; null if
   * it sent none. Throws `unavailable` above a limit and after `endStreams()`, and the errors of the environment's lookup.
   */
  open(
    flagSetId: string,
    { lastEventId, ...options }: OpenOptions & { readonly lastEventId: string | null },
  ): Promise<ReadableStream<Uint8Array>> {
    const source: EventSource = async (send) => {
      let last: Snapshot | undefined
      const followed = await this.#options.follow(flagSetId, {
        onSnapshot: (snapshot) => {
          if (snapshot !== last) send(eventOf(snapshot))
        },
        onBoundary: (snapshot) => send(eventOf(snapshot)),
      })
      last = followed.snapshot
      const isBehind = lastEventId === null ? this.#isRecent(last) : lastEventId !== String(last.revision)
      return { leave: followed.leave, first: isBehind || this.#hasPassedBoundary(last) ? eventOf(last) : undefined }
    }
    return this.openFrom(flagSetId, source, options)
  }

  /** Opens a stream of the events of `source`, under the limits of all streams and of those with the same name. Throws as `open()`. */
  async openFrom(name: string, source: EventSource, options: OpenOptions): Promise<ReadableStream<Uint8Array>> {
    const stream = this.#add(name, options)
    try {
      const send = (event: Uint8Array, ifSlow?: Uint8Array) => this.#send(stream, event, ifSlow)
      const [checkKey, end] = [() => void this.#checkKey(stream), () => this.#end(stream, 'deleted')]
      const { leave, first } = await source(send, checkKey, end)
      stream.unsubscribe = leave
      if (this.#isClosed) throw stopping()
      if (!this.#open.has(stream)) throw new FlagError('unavailable', 'The event stream ended before it began; retry')
      if (first) stream.pending = first
      return this.#body(stream)
    } catch (error) {
      this.#remove(stream)
      throw error
    }
  }

  /** Ends every stream and refuses new ones. Each client gets a random time after which to reconnect. */
  endStreams(): void {
    this.#isClosed = true
    for (const stream of this.#open) this.#end(stream, 'stopping')
  }

  #add(name: string, options: OpenOptions): OpenStream {
    const { max = STREAMS_MAX, environmentMax = ENVIRONMENT_STREAMS_MAX, secondsMax, now, random } = this.#options
    if (this.#isClosed) throw stopping()
    const count = this.#counts.get(name) ?? 0
    if (this.#open.size >= max || count >= environmentMax)
      throw new FlagError('unavailable', 'Too many event streams are open')
    const stream: OpenStream = {
      ...options,
      name,
      endsAt: now() + secondsMax * 1_000 * (1 - random() / 4),
      keepAliveAt: now() + this.#keepAliveMs,
    }
    this.#open.add(stream)
    this.#counts.set(name, count + 1)
    this.#ticker ??= setInterval(() => this.#tick(), this.#keepAliveMs / TICKS_PER_KEEP_ALIVE)
    return stream
  }

  #body(stream: OpenStream): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        stream.controller = controller
        controller.enqueue(this.#retry()) // at once, so that the head of the response is sent
      },
      pull: (controller) => {
        if (stream.pending === undefined) return
        controller.enqueue(stream.pending)
        stream.pending = undefined
      },
      cancel: () => this.#remove(stream, 'client'),
    })
  }

  /** An event for a slow reader waits and is replaced by a newer one: there is no queue. */
  #send(stream: OpenStream, event: Uint8Array, ifSlow = event): void {
    const { controller } = stream
    if (controller && (controller.desiredSize ?? 0) > 0) controller.enqueue(event)
    else stream.pending = ifSlow
  }

  #tick(): void {
    const now = this.#options.now()
    for (const stream of this.#open) {
      const { controller } = stream
      if (now >= stream.endsAt) this.#end(stream, 'age')
      else if (now >= stream.keepAliveAt) {
        if (controller && (controller.desiredSize ?? 0) > 0) controller.enqueue(KEEP_ALIVE)
        stream.keepAliveAt = now + this.#keepAliveMs
        void this.#checkKey(stream)
      }
    }
  }

  async #checkKey(stream: OpenStream): Promise<void> {
    const isUsable = await stream.isUsable?.().catch(() => true) // an outage ends no stream
    if (isUsable === false && this.#open.has(stream)) this.#end(stream, 'revoked')
  }

  #end(stream: OpenStream, reason: EndReason): void {
    this.#remove(stream, reason)
    const { controller } = stream
    if (!controller) return
    const isBlocked = (controller.desiredSize ?? 0) <= 0
    controller.enqueue(this.#retry())
    controller.close()
    if (!isBlocked) return
    // A client that never reads would keep its connection for ever. For a client that read the end this has no effect.
    setTimeout(() => controller.error(new Error('The client of an event stream does not read')), ABORT_MS).unref()
  }

  #remove(stream: OpenStream, reason?: EndReason): void {
    stream.unsubscribe?.()
    if (!this.#open.delete(stream)) return
    if (reason && stream.controller) this.ended.of(reason).value += 1
    if (reason) stream.span?.setAttribute('flagstaff.stream.end', reason).end()
    const count = (this.#counts.get(stream.name) ?? 1) - 1
    if (count > 0) this.#counts.set(stream.name, count)
    else this.#counts.delete(stream.name)
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

  /** A random time to reconnect, so that a replica that stops does not send all its clients to the next one at once. */
  #retry(): Uint8Array {
    const ms = RETRY_MIN_MS + Math.floor(this.#options.random() * RETRY_SPREAD_MS)
    return new TextEncoder().encode(`retry: ${ms}\n\n`)
  }
}

const stopping = () => new FlagError('unavailable', 'This replica is stopping')

const events = new WeakMap<Snapshot, Uint8Array>()

/** The event of a snapshot, encoded once for all streams. */
function eventOf(snapshot: Snapshot): Uint8Array {
  const cached = events.get(snapshot)
  if (cached) return cached
  const lastModified = Math.floor(snapshot.changedAt.getTime() / 1_000)
  const data = JSON.stringify({ type: 'refetchEvaluation', etag: fingerprintOf(snapshot), lastModified })
  const event = new TextEncoder().encode(`id: ${snapshot.revision}\nevent: message\ndata: ${data}\n\n`)
  events.set(snapshot, event)
  return event
}
