import type { Evaluate, Evaluating, Fetch, Send } from './server.ts'

/** The request that wakes an instance is there when it listens. */
const REQUEST_MS = 20
/** A first request that takes longer must not keep waiting who needs what comes after it. */
const ANSWER_MS = 250

export type FirstAnswer = {
  readonly fetch: Fetch
  readonly evaluating: Evaluating
  /** Resolves when the first request was answered that is no GET or, where none comes at once, without one. */
  wait(): Promise<void>
}

/**
 * Watches for the first answer of a server, so that what this one does not need is not loaded before it. A GET does not count: it may be
 * the probe of a platform that hands on the request which woke the instance when that is answered.
 */
export function firstAnswer({ fetch, evaluating }: Pick<FirstAnswer, 'fetch' | 'evaluating'>): FirstAnswer {
  const answered = Promise.withResolvers<void>()
  let isAsked = false
  const watch = (answer: unknown) => {
    isAsked = true
    const sent = () => setImmediate(answered.resolve)
    Promise.resolve(answer).then(sent, sent)
  }
  return {
    fetch: (request) => {
      const answer = fetch(request)
      if (!isAsked && request.method !== 'GET') watch(answer)
      return answer
    },
    evaluating: <To, Sent>(send: Send<To, Sent>): Evaluate<To, Sent> => {
      const evaluate = evaluating(send)
      return (asked, to) => {
        const sent = evaluate(asked, to)
        if (sent && !isAsked && asked.method !== 'GET') watch(sent)
        return sent
      }
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
