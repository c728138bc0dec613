import type { Evaluate, Evaluating, Fetch, Refuse, Reply, Send } from './server.ts'

/** How long connections that are in use get to hear that they end: each with the next answer that it carries. */
const ANNOUNCE_MS = 500
/** Without a request for so long nothing is in use. */
const QUIET_MS = 1_000
/**
 * How long the last answers wait: until no request has come for the shorter time, in which a busy client has read an answer and
 * connected anew; at most the longer one, which is too short for any client to give up.
 */
const HOLD_QUIET_MS = 500
const HOLD_MAX_MS = 1_000

export type Drain = {
  readonly fetch: Fetch
  readonly evaluating: Evaluating
  /** Lets everybody in once the end is announced: a refusal passes `fetch` by, and with it the words that the connection ends. */
  readonly refuse: Refuse
  /** From now on every answer says `Connection: close`. Resolves when the connections in use have heard it. */
  announceEnd(): Promise<void>
  /** Announces the end, holds answers back, calls `stopListening`, and lets them go. */
  close(stopListening: () => void): Promise<void>
}

/** How requests are answered; without `evaluating` by `fetch` alone, and without a `refuse` all are. */
export type Answering = {
  readonly fetch: Fetch
  readonly evaluating?: Evaluating | undefined
  readonly refuse?: Refuse | undefined
}

/**
 * Wraps `fetch` and `evaluating` so that closing a server loses no request. Both runtimes close idle connections as they stop, and the kernel resets
 * those that it had not handed over yet: a client that sends just then gets no answer. So first everybody is still served, and
 * told to come back on another connection; who pauses for less than that time has none left that could be closed under it. Then
 * every answer is held back: each client that waits for one before it sends again has its request in our hands, not
 * on the wire. Left is who kept a connection, said nothing on it for half a second, and speaks in the instant of its end.
 */
export function drain({ fetch, evaluating = () => () => undefined, refuse }: Answering): Drain {
  let lastAt = Number.NEGATIVE_INFINITY
  let announced: Promise<void> | undefined
  let released: Promise<void> | undefined
  const last = (answer: Response): Response | Promise<Response> => {
    if (released) return released.then(() => farewell(answer))
    return announced ? farewell(answer) : answer
  }
  const announceEnd = () => {
    announced ??= performance.now() - lastAt < QUIET_MS ? timers().setTimeout(ANNOUNCE_MS) : Promise.resolve()
    return announced
  }
  return {
    evaluating: <To, Sent>(send: Send<To, Sent>): Evaluate<To, Sent> => {
      const evaluate = evaluating<To, Sent>((reply, to) => {
        if (released) return released.then(() => send(farewellOf(reply), to))
        return send(announced ? farewellOf(reply) : reply, to)
      })
      return (asked, to) => {
        const sent = evaluate(asked, to)
        if (sent) lastAt = asked.at
        return sent
      }
    },
    refuse: (from, askedBy) => (announced ? undefined : refuse?.(from, askedBy)),
    fetch: (request) => {
      lastAt = performance.now()
      const answer = fetch(request)
      return answer instanceof Promise ? answer.then(last) : last(answer)
    },
    announceEnd,
    async close(stopListening) {
      await announceEnd()
      const release = Promise.withResolvers<void>()
      released = release.promise
      const until = performance.now() + HOLD_MAX_MS
      const left = () => Math.min(lastAt + HOLD_QUIET_MS, until) - performance.now()
      for (let ms = left(); ms > 0; ms = left()) await timers().setTimeout(ms)
      await timers().setImmediate() // right after the runtime has accepted what was waiting
      try {
        stopListening()
      } finally {
        release.resolve()
      }
    },
  }
}

/** Loaded at the end: a start has no use for it. */
const timers = () => process.getBuiltinModule('node:timers/promises')

const farewellOf = (reply: Reply): Reply => ({ ...reply, own: { ...reply.own, connection: 'close' } })

function farewell(response: Response): Response {
  response.headers.set('connection', 'close')
  return response
}
