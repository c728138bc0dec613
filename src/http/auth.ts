import type { Context, MiddlewareHandler } from 'hono'
import { FlagError } from '../flag/error.ts'
import type { Principal } from '../snapshot/keyring.ts'
import type { Author } from '../store/changes.ts'
import type { Role } from '../store/tables.ts'
import { traceIdOf } from './trace.ts'

/** Says who sends these headers; throws `unauthenticated`. A promise only for a key that this replica does not know yet. */
export type Authenticate = (headers: Headers) => Principal | Promise<Principal>

/** A key has 50 characters; what is longer is none, and is not worth hashing. */
const SECRET_LENGTH_MAX = 512
const COMMENT_LENGTH_MAX = 1_000
const RANK: Record<Role, number> = { client: 0, server: 1, editor: 2, admin: 3 }
const VARIABLE = 'principal'
const REFUSED = 'The API key is not valid'

/** `anonymous` is whom a request without a key comes from: nobody, or in trial mode its only user. */
export function authenticator(
  find: (secret: string) => Principal | undefined | Promise<Principal | undefined>,
  anonymous: Principal | undefined,
): Authenticate {
  const known = (principal: Principal | undefined): Principal => {
    if (principal) return principal
    throw new FlagError('unauthenticated', REFUSED)
  }
  return (headers) => {
    const secret = secretIn(headers)
    if (secret === undefined) {
      if (anonymous) return anonymous
      throw new FlagError(
        'unauthenticated',
        'An API key is required: "Authorization: Bearer <key>" or "X-API-Key: <key>"',
      )
    }
    if (secret === '' || secret.length > SECRET_LENGTH_MAX) throw new FlagError('unauthenticated', REFUSED)
    const found = find(secret)
    return found instanceof Promise ? found.then(known) : known(found)
  }
}

/** The key that a request carries, undefined when it carries none. */
function secretIn(headers: Headers): string | undefined {
  const authorization = headers.get('authorization')
  if (authorization === null) return headers.get('x-api-key')?.trim() ?? undefined
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1] ?? ''
}

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

/** True when the principal has the role, within its environment where it is bound to one. */
export function mayDo(
  principal: Principal,
  role: Role,
  subject: { project?: string | undefined; environment?: string | undefined },
): boolean {
  if (RANK[principal.role] < RANK[role]) return false
  const bound = principal.environment
  if (!bound) return true
  return (
    bound.project === subject.project &&
    (subject.environment === undefined || bound.environment === subject.environment)
  )
}

/** Whom a change is recorded for, with the comment that came as `?comment=`. */
export function authorOf(c: Context): Author {
  const principal: Principal = c.get(VARIABLE)
  const comment = c.req.query('comment') ?? ''
  if (comment.length > COMMENT_LENGTH_MAX || !isText(comment))
    throw new FlagError('invalid', `Query parameter "comment" must be text of at most ${COMMENT_LENGTH_MAX} characters`)
  return { actor: principal.name, comment, traceId: traceIdOf(c) }
}

/** True for text that Postgres can hold as it is: well-formed Unicode without NUL. */
export const isText = (text: string): boolean => !text.includes('\0') && text.isWellFormed()
