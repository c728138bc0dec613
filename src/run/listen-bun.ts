import { drain } from './drain.ts'
import type { Fetch, ListenOptions, Server } from './server.ts'

/** The part of Bun's API that we use (https://bun.com/docs/runtime/http/server). */
type BunServer = { readonly port: number; stop(closeActive?: boolean): Promise<void> }
type Bun = {
  serve(options: {
    fetch: Fetch
    hostname: string
    port: number
    idleTimeout: number
    maxRequestBodySize: number
    development: boolean
  }): BunServer
}

/** Bun's largest: above the idle time of the proxies in front, so that they close first. */
const IDLE_SECONDS_MAX = 255

/** Serves HTTP/1.1 on Bun's own server. */
export function listenOnBun({ fetch, host, port, bodyBytesMax }: ListenOptions): Server {
  const { serve } = (globalThis as unknown as { Bun: Bun }).Bun
  const draining = drain(fetch)
  const server = serve({
    fetch: draining.fetch,
    hostname: host,
    port,
    idleTimeout: IDLE_SECONDS_MAX,
    maxRequestBodySize: bodyBytesMax,
    development: false,
  })
  return {
    port: server.port,
    async close(late) {
      let stopped: Promise<void> | undefined
      await draining.close(() => {
        stopped = server.stop()
      })
      const cut = () => void server.stop(true)
      late?.addEventListener('abort', cut)
      if (late?.aborted) cut()
      await stopped
      late?.removeEventListener('abort', cut)
    },
  }
}
