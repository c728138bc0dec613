import type { Context, MiddlewareHandler } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { Principal } from '../cache/key-set.ts'
import { FlagError } from '../flag/error.ts'
import { usePrincipal } from './authentication.ts'
import type { Session, SessionSeal } from './session-seal.ts'

/** Seconds from the sign-in to the end of a session. */
const SESSION_SECONDS = 8 * 3_600
/** Seconds without a request after which a session ends. */
const IDLE_SECONDS = 2 * 3_600
/** Seconds after which a session that is used is sealed anew. */
const RENEWAL_SECONDS = 1_800
/** A cookie of ours has about 300 characters. */
const COOKIE_LENGTH_MAX = 1_000
const COOKIE = 'flagstaff'
const ATTRIBUTES = { prefix: 'host', path: '/', secure: true, httpOnly: true, sameSite: 'Strict' } as const
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS']

export type SessionsOptions = {
  /** At least 32 random bytes, the same for all replicas. Read once. */
  readonly secret: () => Promise<Uint8Array>
  /** The principal of a usable key by its SHA-256 in base64. */
  readonly findByDigest: (digest: string) => Principal | undefined | Promise<Principal | undefined>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/**
 * Sessions of the console, in a sealed cookie: any replica opens it, and none stores it. Each request looks the key of the session up, so
 * that a session ends when its key is revoked.
 */
export class Sessions {
  readonly #options: SessionsOptions
  #seal: Promise<SessionSeal> | undefined

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** Begins a session for the key with this digest. */
  begin(c: Context, keyDigest: string): Promise<void> {
    const now = this.#now()
    return this.#store(c, { keyDigest, startedAt: now, sealedAt: now })
  }

  end(c: Context): void {
    deleteCookie(c, COOKIE, ATTRIBUTES)
  }

  /**
   * Takes the principal of a request from its session, unless the request has a key. Throws `forbidden` for a change that the console did
   * not send.
   */
  readonly middleware: MiddlewareHandler = async (c, next) => {
    const session = hasKey(c) ? undefined : await this.#open(c)
    const principal = session && (await this.#options.findByDigest(session.keyDigest))
    if (!session || !principal) return next()
    requireConsole(c)
    usePrincipal(c, principal)
    await next()
    const isCookieSet = c.res.headers.has('set-cookie')
    if (!isCookieSet && this.#now() - session.sealedAt >= RENEWAL_SECONDS)
      await this.#store(c, { ...session, sealedAt: this.#now() })
  }

  async #open(c: Context): Promise<Session | undefined> {
    const sealed = getCookie(c, COOKIE, ATTRIBUTES.prefix)
    if (sealed === undefined || sealed.length > COOKIE_LENGTH_MAX) return undefined
    return (await this.#sealing()).open(sealed, this.#now())
  }

  async #store(c: Context, session: Session): Promise<void> {
    const expiresAt = Math.min(session.startedAt + SESSION_SECONDS, session.sealedAt + IDLE_SECONDS)
    const sealed = await (await this.#sealing()).seal(session, expiresAt)
    setCookie(c, COOKIE, sealed, { ...ATTRIBUTES, maxAge: expiresAt - session.sealedAt })
  }

  #sealing(): Promise<SessionSeal> {
    this.#seal ??= this.#loadSeal().catch((error) => {
      this.#seal = undefined
      throw error
    })
    return this.#seal
  }

  async #loadSeal(): Promise<SessionSeal> {
    const [{ SessionSeal }, secret] = await Promise.all([import('./session-seal.ts'), this.#options.secret()])
    return new SessionSeal(secret)
  }

  #now(): number {
    return Math.floor(this.#options.now() / 1_000)
  }
}

/** `Authorization` with another scheme has the credentials of a proxy, which the browser sends with each request. */
const hasKey = ({ req }: Context): boolean =>
  req.header('x-api-key') !== undefined || /^bearer /i.test(req.header('authorization') ?? '')

/**
 * Refuses a change that a page of another origin may have made a browser send. Such a page can set neither `Sec-Fetch-Site` nor, without
 * CORS, a header of its own. Throws `forbidden`.
 */
export function requireConsole(c: Context): void {
  if (SAFE_METHODS.includes(c.req.method)) return
  if (c.req.header('x-flagstaff-console') !== '1' || !isSameOrigin(c))
    throw new FlagError('forbidden', 'Changes with a session are accepted only from the console')
}

/** `Origin` is compared without its scheme: a proxy in front may have ended TLS. */
function isSameOrigin({ req }: Context): boolean {
  const site = req.header('sec-fetch-site')
  if (site !== undefined) return site === 'same-origin'
  const origin = req.header('origin') ?? ''
  return URL.canParse(origin) && new URL(origin).host === (req.header('host') ?? new URL(req.url).host)
}
