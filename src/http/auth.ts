import type { Context, MiddlewareHandler } from 'hono'
import { FlagError } from '../flag/error.ts'
import { isText } from '../flag/text.ts'
import { type Authenticate, mayDo } from '../snapshot/authenticator.ts'
import type { Principal } from '../snapshot/keyring.ts'
import type { Author } from '../store/changes.ts'
import type { Role } from '../store/tables.ts'
import { spanOf, traceIdOf } from './trace.ts'

export const COMMENT_LENGTH_MAX = 1_000
const VARIABLE = 'principal'

/**
 * Lets through who has at least `role` for what the path names: an editor's key opens its own environment and the flags
 * of its project, nothing else. It stands on each route and reads the parameters that the handler reads, so no way of writing a path
 * comes past it.
 */
export function allow(authenticate: Authenticate, role: Role): MiddlewareHandler {
  return async (c, next) => {
    const principal = await authenticate(c.req.raw.headers)
    if (!mayDo(principal, role, { project: c.req.param('project'), environment: c.req.param('environment') }))
      throw new FlagError('forbidden', 'This API key may not do that')
    c.set(VARIABLE, principal)
    await next()
  }
}

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
