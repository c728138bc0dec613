import { FlagError } from '../flag/error.ts'
import type { Role } from '../repository/postgres/tables.ts'
import type { Header } from '../telemetry/trace-context.ts'
import type { Principal } from './key-cache.ts'

/** Authenticates a request by its headers or metadata; throws `unauthenticated`. A promise only for a key that is not cached. */
export type Authenticate = (header: Header) => Principal | Promise<Principal>

/** A key has 62 characters; longer values are rejected without hashing. */
const SECRET_LENGTH_MAX = 512
const RANK: Record<Role, number> = { client: 0, server: 1, viewer: 2, editor: 3, admin: 4 }
const BEARER = 'Bearer '
const REFUSED = 'The API key is not valid'

/** `anonymous` is the principal of a request without a key, in trial mode only. `noteUse` is called with each principal that used a key. */
export function authenticator(
  find: (secret: string) => Principal | undefined | Promise<Principal | undefined>,
  anonymous: Principal | undefined,
  noteUse: (principal: Principal) => void = () => undefined,
): Authenticate {
  const known = (principal: Principal | undefined): Principal => {
    if (principal) {
      noteUse(principal)
      return principal
    }
    throw new FlagError('unauthenticated', REFUSED)
  }
  return (header) => {
    const secret = secretIn(header)
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

/**
 * The key of a request; undefined if there is none. `X-API-Key` takes precedence: `Authorization` may then hold credentials for a gateway
 * or a platform.
 */
function secretIn(header: Header): string | undefined {
  const apiKey = header.get('x-api-key')
  if (apiKey !== null) return apiKey.trim()
  const authorization = header.get('authorization')
  if (authorization === null) return undefined
  if (authorization.startsWith(BEARER) && !authorization.includes(' ', BEARER.length))
    return authorization.slice(BEARER.length) // the usual form, without a regular expression
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1] ?? ''
}

/** True if the principal has the role, and its environment, if it is bound to one, includes `subject`. */
export function mayDo(
  principal: Principal,
  role: Role,
  subject: { project?: string | undefined; environment?: string | undefined },
): boolean {
  if (!hasRole(principal, role)) return false
  const bound = principal.environment
  if (!bound) return true
  return (
    bound.project === subject.project &&
    (subject.environment === undefined || bound.environment === subject.environment)
  )
}

/** True if the principal has at least this role, in whichever environment. */
export const hasRole = (principal: Principal, role: Role): boolean => RANK[principal.role] >= RANK[role]
