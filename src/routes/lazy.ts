import type { Context, Hono } from 'hono'

/**
 * Answers with an app that is loaded with the first request for it. A request that cannot be answered because loading failed is an error
 * like any other, and so is the next.
 */
export function lazyRoutes(load: () => Promise<Hono>): (c: Context) => Promise<Response> {
  let app: Promise<Hono> | undefined
  return async (c) => {
    app ??= load()
    return (await app).fetch(c.req.raw, c.env)
  }
}

type Handler = (c: Context) => Promise<Response>

/** A handler whose module is loaded with the first request for it. */
export function lazyHandler(load: () => Promise<Handler>): Handler {
  let handler: Promise<Handler> | undefined
  return async (c) => {
    handler ??= load()
    return (await handler)(c)
  }
}
