import type { Context, MiddlewareHandler } from 'hono'
import { createMiddleware } from 'hono/factory'
import { type Authenticate, hasRole, mayDo } from '../cache/authenticator.ts'
import type { Principal } from '../cache/key-cache.ts'
import { isText } from '../flag/definition.ts'
import { FlagError } from '../flag/error.ts'
import type { Author } from '../repository/postgres/changes.ts'
import type { EnvironmentName } from '../repository/postgres/revision.ts'
import type { Role } from '../repository/postgres/tables.ts'
import { spanOf, traceIdOf } from './tracing.ts'

export const COMMENT_LENGTH_MAX = 1_000
const VARIABLE = 'principal'
const LOCALHOST = /^(?:localhost|[a-z0-9-]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i

/**
 * Lets through who has at least `role` for what the path names: an editor's key opens its own environment and the flags
 * of its project, nothing else. It stands on each route and reads the parameters that the handler reads, so no way of writing a path
 * comes past it.
 */
export function allow(authenticate: Authenticate, role: Role): MiddlewareHandler {
  return admitting(authenticate, (principal, c) =>
    mayDo(principal, role, { project: c.req.param('project'), environment: c.req.param('environment') }),
  )
}

/** Lets through keys with at least `role`, wherever they are bound: the route itself narrows its answer with `narrowed`. */
export const allowAnywhere = (authenticate: Authenticate, role: Role): MiddlewareHandler =>
  admitting(authenticate, (principal) => hasRole(principal, role))

function admitting(authenticate: Authenticate, may: (principal: Principal, c: Context) => boolean): MiddlewareHandler {
  return async (c, next) => {
    const principal = await authenticate(c.req.raw.headers)
    if (!may(principal, c)) throw forbidden()
    c.set(VARIABLE, principal)
    await next()
  }
}

/** `filter`, narrowed to the environment that the key of the request is bound to. Throws `forbidden` where it names another one. */
export function narrowed<F extends Partial<Record<keyof EnvironmentName, string | undefined>>>(
  c: Context,
  filter: F,
): F {
  const bound = principalOf(c)?.environment
  if (!bound) return filter
  const { project = bound.project, environment = bound.environment } = filter
  if (project !== bound.project || environment !== bound.environment) throw forbidden()
  return { ...filter, project, environment }
}

const forbidden = () => new FlagError('forbidden', 'This API key may not do that')

/** Who sent the request; undefined where the route asks nobody. */
export const principalOf = (c: Context): Principal | undefined => c.get(VARIABLE)

/** Whom a change is recorded for, with the comment that came as `?comment=`. */
export function authorOf(c: Context): Author {
  const principal: Principal = c.get(VARIABLE)
  const comment = c.req.query('comment') ?? ''
  if (comment.length > COMMENT_LENGTH_MAX || !isText(comment))
    throw new FlagError('invalid', `Query parameter "comment" must be text of at most ${COMMENT_LENGTH_MAX} characters`)
  return { actor: principal.name, comment, traceId: traceIdOf(c), traceparent: spanOf(c)?.traceparent }
}

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
