import { FlagError } from '../flag/error.ts'
import type { Role } from '../repository/postgres/tables.ts'
import type { Header } from '../telemetry/trace-context.ts'
import type { Principal } from './key-cache.ts'

/** Says who sends these headers; throws `unauthenticated`. A promise only for a key that this replica does not know yet. */
export type Authenticate = (header: Header) => Principal | Promise<Principal>

/** A key has 62 characters; what is longer is none, and is not worth hashing. */
const SECRET_LENGTH_MAX = 512
const RANK: Record<Role, number> = { client: 0, server: 1, editor: 2, admin: 3 }
const BEARER = 'Bearer '
const REFUSED = 'The API key is not valid'

/**
 * `anonymous` is the principal of a request without a key: none, or in trial mode its only user. `noteUse` gets each principal that came
 * with a key.
 */
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
 * The key that a request carries, undefined when it carries none. `X-API-Key` comes first: beside it `Authorization` may hold what a
 * gateway or a platform wants, such as Basic credentials or an identity token.
 */
function secretIn(header: Header): string | undefined {
  const apiKey = header.get('x-api-key')
  if (apiKey !== null) return apiKey.trim()
  const authorization = header.get('authorization')
  if (authorization === null) return undefined
  if (authorization.startsWith(BEARER) && !authorization.includes(' ', BEARER.length))
    return authorization.slice(BEARER.length) // as nearly everybody writes it
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1] ?? ''
}

/** True when the principal has the role, within its environment where it is bound to one. */
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

/** True when the principal has at least this role, wherever it may use it. */
export const hasRole = (principal: Principal, role: Role): boolean => RANK[principal.role] >= RANK[role]
