import type { RequestListener } from 'node:http'
import type { Fetch } from './server.ts'

/**
 * Answers with `fetch` on web objects. What makes them is loaded with the first request for them, and all of undici with it: a first
 * evaluation on Node does without. Where it cannot be loaded, that is said, and its requests are answered 500.
 */
export function lazyWeb(fetch: Fetch): RequestListener {
  let listener: RequestListener | undefined
  let loading: Promise<RequestListener> | undefined
  const load = async (): Promise<RequestListener> => {
    const serve = (await import('./web-node.ts')).webListener(fetch)
    return (incoming, outgoing) => void serve(incoming, outgoing)
  }
  return (incoming, outgoing) => {
    if (listener) return listener(incoming, outgoing)
    loading ??= load()
    loading.then(
      (loaded) => {
        listener = loaded
        loaded(incoming, outgoing)
      },
      (error) => {
        process.emitWarning(error)
        outgoing.writeHead(500).end()
      },
    )
  }
}
