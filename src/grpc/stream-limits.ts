import { RpcError, Status } from './status.ts'

export type OpenStreamsOptions = {
  /** The oldest a stream gets; each ends up to a quarter earlier, so that those that began together do not end together. */
  readonly secondsMax: number
  /** Open at once, in all and for one environment: above, the next is refused. */
  readonly max?: number
  readonly environmentMax?: number
  /** From 0 up to 1. */
  readonly random: () => number
}

const STREAMS_MAX = 10_000
/** The key of an environment may be public: whoever floods with it leaves room for the others. */
const ENVIRONMENT_STREAMS_MAX = 6_000

/**
 * Every stream that is open over gRPC, gRPC-Web and Connect, with their limits and their end. A stream never ends with status OK:
 * flagd's providers come back only after an error.
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
   * Passes on `messages` of one environment, which get a signal that aborts when the stream has to end, with the error that it ends with
   * as its reason. Throws `RpcError` above a limit and after `endAll()`.
   */
  async *hold<T>(
    name: string,
    client: AbortSignal,
    messages: (signal: AbortSignal) => AsyncIterable<T>,
  ): AsyncGenerator<T> {
    const { end, release } = this.#admit(name, client)
    try {
      yield* messages(end)
      end.throwIfAborted()
    } finally {
      release()
    }
  }

  /** Ends every stream and lets no new one begin. */
  endAll(): void {
    this.#isEnded = true
    for (const stream of this.#open) stream.abort(stopping())
  }

  #admit(name: string, client: AbortSignal): { end: AbortSignal; release: () => void } {
    const { max = STREAMS_MAX, environmentMax = ENVIRONMENT_STREAMS_MAX, secondsMax, random } = this.#options
    if (this.#isEnded) throw stopping()
    const count = this.#counts.get(name) ?? 0
    if (this.#open.size >= max || count >= environmentMax)
      throw new RpcError(Status.resourceExhausted, 'Too many streams are open')
    const stream = new AbortController()
    this.#open.add(stream)
    this.#counts.set(name, count + 1)
    const leave = () =>
      stream.abort(
        client.reason instanceof RpcError ? client.reason : new RpcError(Status.cancelled, 'The client left'),
      )
    client.addEventListener('abort', leave, { once: true })
    if (client.aborted) leave()
    const tooOld = () => stream.abort(new RpcError(Status.deadlineExceeded, 'stream closed due to server-side timeout'))
    const timer = setTimeout(tooOld, secondsMax * 1_000 * (1 - random() / 4))
    const release = () => {
      clearTimeout(timer)
      client.removeEventListener('abort', leave)
      this.#forget(name, stream)
    }
    return { end: stream.signal, release }
  }

  #forget(name: string, stream: AbortController): void {
    this.#open.delete(stream)
    const count = (this.#counts.get(name) ?? 1) - 1
    if (count > 0) this.#counts.set(name, count)
    else this.#counts.delete(name)
  }
}

/** What streams end with on a stop signal: their clients come back, to another replica. */
export const stopping = () => new RpcError(Status.unavailable, 'This replica is stopping')

/** True when a stream ends because the replica does, not because of its client or its age. */
export const isStopping = ({ aborted, reason }: AbortSignal): boolean =>
  aborted && reason instanceof RpcError && reason.status === Status.unavailable
