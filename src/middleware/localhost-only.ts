import { createMiddleware } from 'hono/factory'
import { FlagError } from '../flag/error.ts'

const LOCALHOST = /^(?:localhost|[a-z0-9-]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i

/**
 * Keeps web pages away from trial mode, which needs no key. A page of another site may make a browser send requests here (they carry its
 * Origin), or point its own host name at 127.0.0.1 (then Host, or `:authority` over HTTP/2, has that name): both are refused.
 */
export const localhostOnly = createMiddleware(async (c, next) => {
  if (!isLocalhost(c.req.header('host')) || !isLocalhost(authorityOf(c.req.url)))
    throw new FlagError('forbidden', 'Trial mode answers only on a loopback name, such as 127.0.0.1 or localhost')
  const origin = c.req.header('origin')
  if (origin !== undefined && !isLocalhost(/^https?:\/\/([^/]+)$/i.exec(origin)?.[1] ?? ''))
    throw new FlagError('forbidden', 'Trial mode answers only pages of this machine')
  if (c.req.header('sec-fetch-site') === 'cross-site' && origin === undefined && c.req.method !== 'GET')
    throw new FlagError('forbidden', 'Trial mode answers only pages of this machine')
  await next()
})

/** The address of a request: `:authority` over HTTP/2, which has no Host; undefined where the client sent neither, as no browser does. */
const authorityOf = (url: string): string | undefined => (URL.canParse(url) ? new URL(url).host : undefined)

/** True for a host of this machine, with or without a port, and where there is none. */
function isLocalhost(authority: string | undefined): boolean {
  return authority === undefined || LOCALHOST.test(authority.replace(/:\d{1,5}$/, ''))
}
