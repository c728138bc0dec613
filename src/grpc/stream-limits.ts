import { RpcError, StatusCode } from './service.ts'

export type OpenStreamsOptions = {
  /** Maximum age. Each stream ends up to a quarter earlier, so that streams that start together end at different times. */
  readonly secondsMax: number
  /** Maximum number of open streams, in total and for one environment; further ones are refused. */
  readonly max?: number
  readonly environmentMax?: number
  /** From 0 up to 1. */
  readonly random: () => number
}

const STREAMS_MAX = 10_000
/** Keys of an environment may be public: a client that floods one environment leaves capacity for the others. */
const ENVIRONMENT_STREAMS_MAX = 6_000

/**
 * The open streams of gRPC, gRPC-Web and Connect, with their limits and their end. A stream never ends with status OK: flagd's
 * providers reconnect only after an error.
 */
export class OpenStreams {
  readonly #options: OpenStreamsOptions
  readonly #open = new Set<AbortController>()
  readonly #counts = new Map<string, number>()
  #isEnded = false

  constructor(options: OpenStreamsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#open.size
  }

  /**
   * Registers a stream of the environment `name` and yields its `messages`. Their signal aborts when the stream must end; its reason is the
   * error that the stream ends with. Throws `RpcError` above a limit and after `endAll()`.
   */
  async *run<T>(
    name: string,
    client: AbortSignal,
    messages: (signal: AbortSignal) => AsyncIterable<T>,
  ): AsyncGenerator<T> {
    const { signal, release } = this.#register(name, client)
    try {
      yield* messages(signal)
      signal.throwIfAborted()
    } finally {
      release()
    }
  }

  /** Ends every stream and refuses new ones. */
  endAll(): void {
    this.#isEnded = true
    for (const stream of this.#open) stream.abort(stopping())
  }

  #register(name: string, client: AbortSignal): { signal: AbortSignal; release: () => void } {
    const { max = STREAMS_MAX, environmentMax = ENVIRONMENT_STREAMS_MAX, secondsMax, random } = this.#options
    if (this.#isEnded) throw stopping()
    const count = this.#counts.get(name) ?? 0
    if (this.#open.size >= max || count >= environmentMax)
      throw new RpcError(StatusCode.resourceExhausted, 'Too many streams are open')
    const stream = new AbortController()
    this.#open.add(stream)
    this.#counts.set(name, count + 1)
    const cancel = () => stream.abort(client.reason instanceof RpcError ? client.reason : disconnected())
    client.addEventListener('abort', cancel, { once: true })
    if (client.aborted) cancel()
    const expire = () =>
      stream.abort(new RpcError(StatusCode.deadlineExceeded, 'stream closed due to server-side timeout'))
    const timer = setTimeout(expire, secondsMax * 1_000 * (1 - random() / 4))
    const release = () => {
      clearTimeout(timer)
      client.removeEventListener('abort', cancel)
      this.#open.delete(stream)
      const left = (this.#counts.get(name) ?? 1) - 1
      if (left > 0) this.#counts.set(name, left)
      else this.#counts.delete(name)
    }
    return { signal: stream.signal, release }
  }
}

/** The error of streams that end at shutdown: clients reconnect to another replica. */
const stopping = () => new RpcError(StatusCode.unavailable, 'This replica is stopping')

/** The reason of a call's signal after its client disconnected. */
export const disconnected = () => new RpcError(StatusCode.cancelled, 'The client disconnected')

/** True when a stream ends because of a shutdown, not because of its client or its age. */
export const isStopping = ({ aborted, reason }: AbortSignal): boolean =>
  aborted && reason instanceof RpcError && reason.status === StatusCode.unavailable

/** An HTTP/2 stream whose client must send or receive something. */
type PendingStream = { close(code: number): void }

/**
 * Closes streams whose client takes more than `ms` (up to twice as long) to send its message or to receive one. Two generations swap at each
 * interval, instead of one timer for each call: a call costs one insertion and one removal.
 */
export class StreamTimeouts {
  readonly #ms: number
  readonly #code: number
  #young = new Set<PendingStream>()
  #old = new Set<PendingStream>()
  #timer: NodeJS.Timeout | undefined

  /** `code` is the HTTP/2 error code of the reset. */
  constructor(ms: number, code: number) {
    this.#ms = ms
    this.#code = code
  }

  add(stream: PendingStream): void {
    this.#young.add(stream)
    this.#timer ??= setInterval(() => this.#swap(), this.#ms).unref()
  }

  delete(stream: PendingStream): void {
    if (!this.#young.delete(stream)) this.#old.delete(stream)
  }

  #swap(): void {
    for (const stream of this.#old) stream.close(this.#code)
    this.#old = this.#young
    this.#young = new Set()
    if (this.#old.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
