import { createMiddleware } from 'hono/factory'
import { FlagError } from '../flag/error.ts'

const LOOPBACK = /^(?:localhost|[a-z0-9-]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i

/**
 * Keeps web pages away from trial mode, where no key is needed. A page of another site may make a browser send requests
 * here (they carry its Origin), or point its own host name at 127.0.0.1 (then Host names it): both are refused.
 */
export const loopbackOnly = createMiddleware(async (c, next) => {
  if (!isLoopback(c.req.header('host')))
    throw new FlagError('forbidden', 'Trial mode answers only on a loopback name, such as 127.0.0.1 or localhost')
  const origin = c.req.header('origin')
  if (origin !== undefined && !isLoopback(/^https?:\/\/([^/]+)$/i.exec(origin)?.[1]))
    throw new FlagError('forbidden', 'Trial mode answers only pages of this machine')
  if (c.req.header('sec-fetch-site') === 'cross-site' && origin === undefined && c.req.method !== 'GET')
    throw new FlagError('forbidden', 'Trial mode answers only pages of this machine')
  await next()
})

/** `authority` is a host with or without a port. */
function isLoopback(authority: string | undefined): boolean {
  return LOOPBACK.test((authority ?? '').replace(/:\d{1,5}$/, ''))
}
