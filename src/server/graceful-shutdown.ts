import type { Log } from '../telemetry/log.ts'
import type { Fetch } from './server.ts'

/** `late` aborts while there is still time for the next steps: what can be cut short should be, then. */
export type Step = { readonly name: string; readonly run: (late: AbortSignal) => Promise<void> | void }

/** The part of the deadline that is left for the other steps when waiting has taken the rest. */
const LATE_SHARE = 0.25

/**
 * Runs the steps top to bottom: the order on the page is the order at run time. A failing step is logged and the next
 * one still runs. Resolves with the exit code: 0, or 1 when a step failed or `deadlineMs` passed.
 */
export async function shutDown(steps: readonly Step[], deadlineMs: number, log: Log): Promise<0 | 1> {
  const late = Promise.withResolvers<1>()
  let running = 'nothing'
  const timer = setTimeout(() => {
    log.error('Gave up waiting at the deadline', { step: running, deadlineMs })
    late.resolve(1)
  }, deadlineMs)
  const hurry = new AbortController()
  const warning = setTimeout(
    () => {
      log.warn('Cutting the shutdown short', { step: running, deadlineMs })
      hurry.abort()
    },
    deadlineMs * (1 - LATE_SHARE),
  )
  const work = async () => {
    let code: 0 | 1 = 0
    for (const { name, run } of steps) {
      running = name
      try {
        await run(hurry.signal)
      } catch (cause) {
        code = 1
        log.error('A step of the shutdown failed', { step: name, cause })
      }
    }
    return code
  }
  try {
    return await Promise.race([work(), late.promise])
  } finally {
    clearTimeout(timer)
    clearTimeout(warning)
  }
}

/** Waits, but not past `late`. */
export async function pause(ms: number, late: AbortSignal): Promise<void> {
  await timers()
    .setTimeout(ms, undefined, { signal: late })
    .catch((error) => {
      if (!late.aborted) throw error
    })
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
