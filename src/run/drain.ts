import { setTimeout as sleep } from 'node:timers/promises'
import type { Fetch } from './server.ts'

/**
 * How long the last answers wait. Long enough for a busy machine to read what its clients had sent, too short for any
 * of them to give up.
 */
const HOLD_MS = 100

export type Drain = {
  readonly fetch: Fetch
  /** Holds the answers back, calls `stopListening`, and lets them go with `Connection: close`. */
  close(stopListening: () => void): Promise<void>
}

/**
 * Wraps `fetch` so that closing a server loses no request. Both runtimes close idle connections as they stop, and the
 * kernel resets those it had not handed over yet: a client that sends just then gets no answer. While every answer is
 * held back, each client that waits for one before it sends again has its request in our hands, not on the wire.
 */
export function drain(fetch: Fetch): Drain {
  let released: Promise<void> | undefined
  const last = (response: Response) => released?.then(() => farewell(response)) ?? response
  return {
    fetch: (request) => {
      const answer = fetch(request)
      return answer instanceof Promise ? answer.then(last) : last(answer)
    },
    async close(stopListening) {
      const release = Promise.withResolvers<void>()
      released = release.promise
      await sleep(HOLD_MS)
      try {
        stopListening()
      } finally {
        release.resolve()
      }
    },
  }
}

function farewell(response: Response): Response {
  response.headers.set('connection', 'close')
  return response
}
