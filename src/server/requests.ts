import type { Counter } from '../telemetry/metrics.ts'
import type { Fetch } from './server.ts'

/** The host of a request that names none, as HTTP/1.0 and checks of load balancers do. */
export const NO_HOST = 'localhost'
const HOST = /^(?:[\w.~!$&'()*+;=%-]+|\[[\da-f:.]+\])(?::\d{0,5})?$/i
/** Whether `host` can stand in a URL without changing its path. Some that look like it cannot, such as "1.2.3.4.5" and "(10.0.0.1". */
export function isHost(host: string): boolean {
  if (host === lastHost) return true
  if (!HOST.test(host) || !URL.canParse(`http://${host}`)) return false
  lastHost = host
  return true
}

/** Clients of one replica use few names. */
let lastHost = NO_HOST

/** Also percent-encoded, and after a backslash, which URL parsers read as a slash. */
const DOT_SEGMENT = /[/\\](?:\.|%2e){1,2}(?:[/\\?#]|$)/i
/**
 * Whether a URL parser leaves the path of a request target as it was sent. Where it does not, a proxy in front has checked another path
 * than the one that would be routed: such a request is refused before routing.
 */
export function isPlainTarget(target: string): boolean {
  const [path = ''] = target.split('?', 1)
  return !path.includes('\\') && !DOT_SEGMENT.test(path)
}

export type ConcurrencyLimitOptions = {
  /** Requests in progress at once; 0: any number. */
  readonly requestsMax: number
  /** Counts refused requests. */
  readonly shed: Counter
}

/**
 * A turn whose responses take less time each is no overload, however many they are. Bun serves new connections in one turn as long as they
 * arrive: a dozen clients that connect anew for each request make one of hundreds, at 0.1 ms each.
 */
const BUSY_RESPONSE_MS = 0.5

/**
 * How many requests a replica works on at once. Those above the limit are refused immediately, so that the others are answered in time.
 * Responses of one turn of the event loop count as well: a runtime hands over all requests that it has read in one turn, one after the
 * other, and writes their responses after it. Without that, work that waits for nothing would never be counted twice, however many clients
 * wait for it. A turn is watched from half of the limit on: to watch each would take 2 µs of each evaluation.
 */
export class ConcurrencyLimit {
  readonly #requestsMax: number
  readonly #half: number
  readonly #shed: Counter
  #inProgress = 0
  /** Since the end of the last turn that was watched. */
  #endedInTurn = 0
  #halfAt = 0

  constructor({ requestsMax, shed }: ConcurrencyLimitOptions) {
    this.#requestsMax = requestsMax > 0 ? requestsMax : Number.POSITIVE_INFINITY
    this.#half = Math.ceil(this.#requestsMax / 2)
    this.#shed = shed
  }

  /** Requests in progress. A stream is, until it begins. */
  get size(): number {
    return this.#inProgress
  }

  /** The counter of refused requests if the limit is reached; undefined: there is room. */
  reached(): Counter | undefined {
    if (this.#inProgress >= this.#requestsMax) return this.#shed
    if (this.#endedInTurn < this.#half || this.#inProgress + this.#endedInTurn < this.#requestsMax) return undefined
    if (performance.now() - this.#halfAt >= this.#half * BUSY_RESPONSE_MS) return this.#shed
    this.#endedInTurn = 0
    return undefined
  }

  begin(): void {
    this.#inProgress += 1
  }

  readonly end = (): void => {
    this.#inProgress -= 1
    this.#endedInTurn += 1
    if (this.#endedInTurn !== this.#half) return
    this.#halfAt = performance.now()
    setImmediate(this.#endTurn)
  }

  /** `fetch` within the limit; above it, the response of `refuse`. Where that is undefined, as for probes, the request is served. */
  wrap(fetch: Fetch, refuse: (request: Request) => Response | undefined): Fetch {
    return (request, env) => {
      const counter = this.reached()
      const refusal = counter && refuse(request)
      if (refusal) {
        counter.value += 1
        return refusal
      }
      this.begin()
      try {
        const response = fetch(request, env)
        return response instanceof Promise ? response.then(this.#ended, this.#failed) : this.#ended(response)
      } catch (error) {
        this.end()
        throw error
      }
    }
  }

  readonly #ended = (response: Response): Response => {
    this.end()
    return response
  }

  readonly #failed = (error: unknown): never => {
    this.end()
    throw error
  }

  readonly #endTurn = (): void => {
    this.#endedInTurn = 0
  }
}

export type Limits = {
  readonly usual: ConcurrencyLimit
  /** Of requests whose paths begin with one of `prefixes`: those that wait for Postgres leave room for the others. */
  readonly separate: ConcurrencyLimit
  readonly prefixes: readonly string[]
  readonly refuse: (request: Request) => Response | undefined
}

/** `fetch` within two limits. */
export function limited(fetch: Fetch, { usual, separate, prefixes, refuse }: Limits): Fetch {
  const [fetchUsual, fetchSeparate] = [usual.wrap(fetch, refuse), separate.wrap(fetch, refuse)]
  const isSeparate = (url: string) => {
    const pathAt = url.indexOf('/', url.indexOf('://') + 3)
    return prefixes.some((prefix) => url.startsWith(prefix, pathAt))
  }
  return (request, env) => (isSeparate(request.url) ? fetchSeparate : fetchUsual)(request, env)
}

/** For how long connections in use are announced their end, each with its next response. */
const ANNOUNCE_MS = 500
/** Without a request for so long no connection is in use. */
const QUIET_MS = 1_000
/**
 * How long the last responses are held: until no request has come for the shorter time, in which a busy client has read a response and
 * connected anew; at most the longer one, which is too short for any client to give up.
 */
const HOLD_QUIET_MS = 500
const HOLD_MAX_MS = 1_000

export type Drain = {
  readonly fetch: Fetch
  /** From now on each response says `Connection: close`. Resolves when the connections in use have received one. */
  announceEnd(): Promise<void>
  /** Announces the end, holds responses, calls `stopListening` and releases them. */
  close(stopListening: () => void): Promise<void>
}

/**
 * Wraps `fetch` so that closing an HTTP/1.1 server loses no request. Both runtimes close idle connections as they stop, and the kernel
 * resets those that it had not handed over yet: a client that sends just then gets no response. So, in order:
 * 1. Requests are served as before, and each response announces that its connection ends. Busy clients have none left after that.
 * 2. Responses are held: a client that waits for one sends nothing new, so that every request is in the process and none in the kernel.
 * 3. Listening ends, and the held responses are sent.
 * One case is left: a connection that was silent throughout and sends in the instant of step 3.
 */
export function drain(fetch: Fetch): Drain {
  let lastAt = Number.NEGATIVE_INFINITY
  let announced: Promise<void> | undefined
  let released: Promise<void> | undefined
  const finish = (response: Response): Response | Promise<Response> => {
    if (released) return released.then(() => closing(response))
    return announced ? closing(response) : response
  }
  const announceEnd = () => {
    announced ??= performance.now() - lastAt < QUIET_MS ? timers().setTimeout(ANNOUNCE_MS) : Promise.resolve()
    return announced
  }
  return {
    fetch: (request, env) => {
      lastAt = performance.now()
      const response = fetch(request, env)
      return response instanceof Promise ? response.then(finish) : finish(response)
    },
    announceEnd,
    async close(stopListening) {
      await announceEnd()
      const release = Promise.withResolvers<void>()
      released = release.promise
      const until = performance.now() + HOLD_MAX_MS
      const left = () => Math.min(lastAt + HOLD_QUIET_MS, until) - performance.now()
      for (let ms = left(); ms > 0; ms = left()) await timers().setTimeout(ms)
      await timers().setImmediate() // directly after the runtime has accepted what was waiting
      try {
        stopListening()
      } finally {
        release.resolve()
      }
    },
  }
}

/** Loaded at the end: a start does not need it. */
const timers = () => process.getBuiltinModule('node:timers/promises')

function closing(response: Response): Response {
  response.headers.set('connection', 'close')
  return response
}
