import type { Fetch } from './server.ts'

/** The request that wakes an instance is there when it listens. */
const REQUEST_MS = 20
/** A first request that takes longer must not keep waiting who needs what comes after it. */
const ANSWER_MS = 250

export type FirstAnswer = {
  readonly fetch: Fetch
  /** Resolves when the first request was answered that is no GET or, where none comes at once, without one. */
  wait(): Promise<void>
}

/**
 * Watches for the first answer of a server, so that what this one does not need is not loaded before it. A GET does not count: it may be
 * the probe of a platform that hands on the request which woke the instance when that is answered.
 */
export function firstAnswer(fetch: Fetch): FirstAnswer {
  const answered = Promise.withResolvers<void>()
  let isAsked = false
  return {
    fetch: (request) => {
      if (isAsked || request.method === 'GET') return fetch(request)
      isAsked = true
      const answer = fetch(request)
      const sent = () => setImmediate(answered.resolve)
      Promise.resolve(answer).then(sent, sent)
      return answer
    },
    wait: async () => {
      const timer = setTimeout(() => {
        if (!isAsked) answered.resolve()
      }, REQUEST_MS)
      const late = setTimeout(answered.resolve, ANSWER_MS)
      await answered.promise
      clearTimeout(timer)
      clearTimeout(late)
    },
  }
}
