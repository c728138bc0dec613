import { type Context, Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import * as v from 'valibot'
import { type Authenticate, hasRole } from '../cache/authenticator.ts'
import { keyIdOf, type Principal } from '../cache/key-set.ts'
import { FlagError } from '../flag/error.ts'
import { authorizeAnywhere, principalOf } from '../middleware/authentication.ts'
import { bodyLimit } from '../middleware/body-limit.ts'
import { requireConsole, Sessions, type SessionsOptions } from '../middleware/session.ts'
import { digestOf } from '../repository/digest.ts'
import type { Database } from '../repository/postgres/database.ts'
import { readKey, readSessionSecret } from '../repository/postgres/keys.ts'
import { body, jsonOnly } from './management/validation.ts'

export type SessionDependencies = Pick<SessionsOptions, 'findByDigest' | 'now'> & {
  readonly database: Database
  readonly authenticate: Authenticate
  /** Whether requests without a key are accepted, as in trial mode. */
  readonly isTrial: boolean
}

const BODY_BYTES_MAX = 4_096
const SignIn = v.strictObject({ key: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(512)) })

/** Sessions sealed with the secret of the deployment. */
export const sessionsOf = ({ database, ...options }: Omit<SessionDependencies, 'authenticate' | 'isTrial'>): Sessions =>
  new Sessions({ ...options, secret: () => readSessionSecret(database) })

/** `/console/session`: signs in with a key, says who is signed in, signs out. */
export function sessionRoutes(dependencies: SessionDependencies): Hono {
  const { database, authenticate, isTrial, now } = dependencies
  const sessions = sessionsOf(dependencies)
  const limit = new SignInLimit()
  /** A usable key is accepted above the limit too: behind a proxy all clients share one address, and none may lock out the others. */
  const authenticateKey = async (c: Context, key: string): Promise<Principal> => {
    try {
      return await authenticate({ get: (name) => (name === 'x-api-key' ? key : null) }) // Headers throws for some texts
    } catch (error) {
      const isRefused = error instanceof FlagError && error.code === 'unauthenticated'
      if (!isRefused || limit.take(clientAddress(c), now())) throw error
      c.header('retry-after', String(WINDOW_MS / 1_000))
      throw new HTTPException(429, { message: `More than ${TRIES_MAX} refused tries to sign in within a minute` })
    }
  }
  const describe = async ({ name, role, environment }: Principal) => {
    const id = keyIdOf({ name })
    const text = id === undefined ? name : (await readKey(database, id)).name
    return { mode: isTrial ? 'trial' : 'key', name: text, actor: name, role, environment }
  }
  return new Hono()
    .use('/console/session', noStore, bodyLimit(BODY_BYTES_MAX), jsonOnly)
    .get('/console/session', sessions.middleware, authorizeAnywhere(authenticate, 'viewer'), async (c) => {
      const principal = principalOf(c)
      return c.json(principal && (await describe(principal)))
    })
    .post('/console/session', body(SignIn), async (c) => {
      requireConsole(c)
      const { key } = c.req.valid('json')
      const principal = await authenticateKey(c, key)
      if (!hasRole(principal, 'viewer'))
        throw new FlagError('forbidden', 'The console needs a viewer, editor or admin key')
      await sessions.begin(c, digestOf(key))
      return c.json(await describe(principal), 201)
    })
    .delete('/console/session', sessions.middleware, (c) => {
      sessions.end(c)
      return c.body(null, 204)
    })
}

const noStore = async (c: Context, next: () => Promise<void>) => {
  await next()
  c.header('cache-control', 'no-store')
}

const TRIES_MAX = 10
const WINDOW_MS = 60_000
/** Addresses that are counted. Above it, all counts are dropped: keys have 260 random bits, so that guessing them is hopeless anyway. */
const ADDRESSES_MAX = 10_000

/** Counts refused tries to sign in by the address of the client. */
class SignInLimit {
  readonly #tries = new Map<string, number>()
  #windowBegan = Number.NEGATIVE_INFINITY

  /** Counts a try; false above the limit. `now` in milliseconds. */
  take(address: string, now: number): boolean {
    if (now - this.#windowBegan >= WINDOW_MS || now < this.#windowBegan || this.#tries.size >= ADDRESSES_MAX) {
      this.#tries.clear()
      this.#windowBegan = now
    }
    const tries = (this.#tries.get(address) ?? 0) + 1
    this.#tries.set(address, tries)
    return tries <= TRIES_MAX
  }
}

/** What the servers of Node and Bun pass beside a request. */
type ConnectionBindings = {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } }
  readonly requestIP?: (request: Request) => { readonly address: string } | null
}

/** The address of the connection, of IPv6 its network (/64); behind a proxy that of the proxy. Empty if it is unknown. */
function clientAddress(c: Context): string {
  const env: ConnectionBindings = c.env ?? {}
  const address = env.incoming?.socket?.remoteAddress ?? env.requestIP?.(c.req.raw)?.address ?? ''
  return address.includes('.') ? address : networkOf(address)
}

/** The first four of the eight groups of an IPv6 address, which "::" may abbreviate (RFC 5952 §2.2). */
function networkOf(address: string): string {
  const [head = [], tail = []] = address.split('::').map((part) => part.split(':').filter(Boolean))
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0')
  return [...head, ...zeros, ...tail].slice(0, 4).join(':')
}
