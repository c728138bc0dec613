import type { Context, MiddlewareHandler } from 'hono'
import { createMiddleware } from 'hono/factory'
import { type Authenticate, hasRole, mayDo } from '../cache/authenticator.ts'
import type { Principal } from '../cache/key-set.ts'
import { isText } from '../flag/definition.ts'
import { FlagError } from '../flag/error.ts'
import type { Author } from '../repository/postgres/changes.ts'
import type { EnvironmentName } from '../repository/postgres/environments.ts'
import type { Role } from '../repository/postgres/tables.ts'
import { spanOf, traceIdOf } from './tracing.ts'

export const COMMENT_LENGTH_MAX = 1_000
const VARIABLE = 'principal'
const LOCALHOST = /^(?:localhost|[a-z0-9-]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i

/**
 * Requires a key with at least `role` for the project and environment of the path: a viewer's or editor's key is valid for its own environment
 * and the flags of its project only. Mounted on each route, not on a path prefix, and reads the parameters that the handler reads: so no spelling
 * of a path bypasses it. Throws `unauthenticated` and `forbidden`.
 */
export function authorize(authenticate: Authenticate, role: Role): MiddlewareHandler {
  return authorizeIf(authenticate, (principal, c) =>
    mayDo(principal, role, { project: c.req.param('project'), environment: c.req.param('environment') }),
  )
}

/** Requires a key with at least `role`, of any environment: the route itself restricts its response with `scopeToKey`. */
export const authorizeAnywhere = (authenticate: Authenticate, role: Role): MiddlewareHandler =>
  authorizeIf(authenticate, (principal) => hasRole(principal, role))

function authorizeIf(
  authenticate: Authenticate,
  isAllowed: (principal: Principal, c: Context) => boolean,
): MiddlewareHandler {
  return async (c, next) => {
    const principal = principalOf(c) ?? (await authenticate(c.req.raw.headers))
    if (!isAllowed(principal, c)) throw forbidden()
    c.set(VARIABLE, principal)
    await next()
  }
}

/** Restricts `filter` to the environment of the request's key. Throws `forbidden` where the filter names another one. */
export function scopeToKey<F extends Partial<Record<keyof EnvironmentName, string | undefined>>>(
  c: Context,
  filter: F,
): F {
  const scope = principalOf(c)?.environment
  if (!scope) return filter
  const { project = scope.project, environment = scope.environment } = filter
  if (project !== scope.project || environment !== scope.environment) throw forbidden()
  return { ...filter, project, environment }
}

/** Requires that the request's key has at least `role` in an environment that its query or body names. Throws `forbidden`. */
export function requireAt(c: Context, role: Role, environment: EnvironmentName): void {
  const principal = principalOf(c)
  if (!principal || !mayDo(principal, role, environment)) throw forbidden()
}

const forbidden = () => new FlagError('forbidden', 'This API key may not do that')

/** The principal of the request's key or session; undefined on routes without `authorize`. */
export const principalOf = (c: Context): Principal | undefined => c.get(VARIABLE)

/** Sets the principal of a request that another way than its key authenticates. */
export const usePrincipal = (c: Context, principal: Principal): void => c.set(VARIABLE, principal)

/** The author of a change for its record, with the comment of the query parameter `comment`. Throws `invalid`. */
export function authorOf(c: Context): Author {
  const principal: Principal = c.get(VARIABLE)
  const comment = c.req.query('comment') ?? ''
  if (comment.length > COMMENT_LENGTH_MAX || !isText(comment))
    throw new FlagError('invalid', `Query parameter "comment" must be text of at most ${COMMENT_LENGTH_MAX} characters`)
  return { actor: principal.name, comment, traceId: traceIdOf(c), traceparent: spanOf(c)?.traceparent }
}

/**
 * Protects trial mode, which needs no key, from web pages. A page of another site may make a browser send requests here (with the page's
 * Origin), or resolve its own host name to 127.0.0.1 (then Host, or `:authority` over HTTP/2, has that name): both are refused.
 */
export const localhostOnly = createMiddleware(async (c, next) => {
  if (!isLocalhost(c.req.header('host')) || !isLocalhost(authorityOf(c.req.url)))
    throw new FlagError('forbidden', 'Trial mode is served only on loopback names, such as 127.0.0.1 or localhost')
  const origin = c.req.header('origin')
  const isForeignOrigin = origin !== undefined && !isLocalhost(/^https?:\/\/([^/]+)$/i.exec(origin)?.[1] ?? '')
  const isForeignWrite =
    origin === undefined && c.req.header('sec-fetch-site') === 'cross-site' && c.req.method !== 'GET'
  if (isForeignOrigin || isForeignWrite)
    throw new FlagError('forbidden', 'Trial mode accepts only pages of this machine')
  await next()
})

/** The host of a request URL: `:authority` over HTTP/2, which has no Host. Undefined where the client sent neither, as no browser does. */
const authorityOf = (url: string): string | undefined => (URL.canParse(url) ? new URL(url).host : undefined)

/** True for a host of this machine, with or without a port, and where there is none. */
function isLocalhost(authority: string | undefined): boolean {
  return authority === undefined || LOCALHOST.test(authority.replace(/:\d{1,5}$/, ''))
}
