import type { Context, Hono } from 'hono'

/**
 * Answers with an app that is loaded with the first request for it. A request that cannot be answered because loading failed is an error
 * like any other, and so is the next.
 */
export function onUse(load: () => Promise<Hono>): (c: Context) => Promise<Response> {
  let app: Promise<Hono> | undefined
  return async (c) => {
    app ??= load()
    return (await app).fetch(c.req.raw, c.env)
  }
}
