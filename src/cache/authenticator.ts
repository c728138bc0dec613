import { FlagError } from '../flag/error.ts'
import { digestOf, isEqualInTime } from '../repository/digest.ts'
import type { UsableKeys } from '../repository/postgres/keys.ts'
import type { Role } from '../repository/postgres/tables.ts'
import type { RevisionId } from '../repository/redis/snapshot-store.ts'
import type { Header } from '../telemetry/trace-context.ts'
import type { ReplicationOptions } from './freshness.ts'
import {
  decodeKeySet,
  encodeKeySet,
  entryNamed,
  type KeyEntry,
  type KeySet,
  keyIdOf,
  keySetOf,
  type Principal,
} from './key-set.ts'
import { Replicated } from './replicated.ts'

/** Authenticates a request by its headers or metadata; throws `unauthenticated`. A promise only for a key that is not cached. */
export type Authenticate = (header: Header) => Principal | Promise<Principal>

/** A key has 62 characters; longer values are rejected without hashing. */
const SECRET_LENGTH_MAX = 512
const BEARER = 'Bearer '
const REFUSED = 'The API key is not valid'

/** `anonymous` is the principal of a request without a key, in trial mode only. */
export function authenticator(
  find: (secret: string) => Principal | undefined | Promise<Principal | undefined>,
  anonymous: Principal | undefined,
): Authenticate {
  const known = (principal: Principal | undefined): Principal => {
    if (principal) return principal
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

/** SHA-256 of a secret in base64, and the bytes of that text. */
type SecretHash = { readonly text: string; readonly bytes: Buffer }
/** A secret that matched `entry` of `keySet`. */
type VerifiedSecret = { readonly digest: SecretHash; readonly keySet: KeySet; readonly entry: KeyEntry }

/** Most verified secrets that are cached; at the limit all are dropped. */
const VERIFIED_MAX = 1_000

export type KeyCacheOptions = {
  /** A key with the role admin; undefined: none. */
  readonly adminSecret: string | undefined
  /** Milliseconds since 1970. */
  readonly wallNow: () => number
  /** Called with each stored key that was found usable for a request or a session, and the unix seconds. */
  readonly noteUse: (principal: Principal, now: number) => void
}

/** All usable keys, hashed, in memory: a check needs no network, and wrong keys cause no more database queries than other traffic. */
export class KeyCache {
  readonly #replicated: Replicated<KeySet>
  readonly #admin: KeyEntry | undefined
  readonly #options: KeyCacheOptions
  /**
   * Verified secrets: to hash one again takes a tenth of an evaluation. An entry is valid for its key set only; with the next set the
   * secret is looked up and compared again, so revocation takes effect.
   */
  readonly #verified = new Map<string, VerifiedSecret>()

  constructor(
    replication: ReplicationOptions,
    read: (since?: RevisionId) => Promise<UsableKeys | undefined>,
    options: KeyCacheOptions,
  ) {
    this.#options = options
    this.#replicated = new Replicated<KeySet>(replication, {
      name: 'keys',
      read: async (keySet) => {
        const source = await read(keySet)
        return source ? keySetOf(source) : keySet
      },
      encode: encodeKeySet,
      decode: decodeKeySet,
    })
    const principal: Principal = { name: 'FLAGSTAFF_ADMIN_KEY', role: 'admin', environment: null }
    if (options.adminSecret !== undefined)
      this.#admin = {
        digest: Buffer.from(digestOf(options.adminSecret)),
        principal,
        expiresAt: Number.POSITIVE_INFINITY,
      }
  }

  /**
   * Finds the principal of a secret; undefined if it is unknown, expired or revoked. A promise at first, after a pause, and for an unknown
   * key, which another replica may have created since the last check. Rejects with `unavailable` while no keys were loaded.
   */
  find(secret: string): Principal | undefined | Promise<Principal | undefined> {
    const verified = this.#verified.get(secret) // the administrator's is never cached
    const digest = verified?.digest ?? digestWithBytes(secret)
    if (!verified && this.#admin && isEqualInTime(this.#admin.digest, digest.bytes)) return this.#admin.principal
    const keySet = this.#replicated.current()
    if (verified && verified.keySet === keySet) return this.#use(verified.entry)
    if (keySet instanceof Promise) return keySet.then((found) => this.#match(found, secret, digest))
    const found = this.#match(keySet, secret, digest)
    if (found || this.#replicated.isFresh) return found
    return this.#replicated.check().then(() => this.#match(this.#replicated.value, secret, digest)) // the key may be new
  }

  /** Finds the principal of a secret by its SHA-256 in base64, as sessions hold it; undefined once the key is expired or revoked. */
  findByDigest(digest: string): Principal | undefined | Promise<Principal | undefined> {
    const bytes = Buffer.from(digest)
    if (this.#admin?.digest.length === bytes.length && isEqualInTime(this.#admin.digest, bytes))
      return this.#admin.principal
    const principalIn = (keySet: KeySet | undefined) => {
      const entry = keySet?.entries.get(digest)
      return entry && this.#use(entry)
    }
    const keySet = this.#replicated.current()
    if (keySet instanceof Promise) return keySet.then(principalIn)
    // The session proves that the key existed: it is revoked, or newer than this set.
    return principalIn(keySet) ?? this.#replicated.check().then(() => principalIn(this.#replicated.value))
  }

  /** Whether the key of `principal`, found earlier, is still usable. True for the configured administrator key and in trial mode. */
  async isUsable({ name }: Principal): Promise<boolean> {
    if (keyIdOf({ name }) === undefined) return true
    const keySet = await this.#replicated.current()
    const entry = keySet && entryNamed(keySet, name)
    return entry !== undefined && entry.expiresAt > this.#options.wallNow()
  }

  /** The signing key of event stream tokens; a promise at first and after a pause. Rejects while no keys were loaded. */
  streamSecret(): Buffer | Promise<Buffer> {
    const secretOf = (keySet: KeySet | undefined): Buffer => {
      if (keySet) return keySet.streamSecret
      throw new FlagError('unavailable', 'The keys could not be read yet')
    }
    const keySet = this.#replicated.current()
    return keySet instanceof Promise ? keySet.then(secretOf) : secretOf(keySet)
  }

  /** Loads the keys from Postgres and publishes them; await it after a change of keys. */
  refresh(): Promise<void> {
    return this.#replicated.refresh()
  }

  /** Loads the keys if none are loaded yet. Never rejects. */
  async warmUp(): Promise<void> {
    if (this.#replicated.value === undefined) await this.#replicated.check()
  }

  /** The map is keyed by hash, which a caller cannot choose; the comparison is constant-time. */
  #match(keySet: KeySet | undefined, secret: string, digest: SecretHash): Principal | undefined {
    const entry = keySet?.entries.get(digest.text)
    if (!keySet || !entry || !isEqualInTime(entry.digest, digest.bytes)) return undefined
    if (this.#verified.size >= VERIFIED_MAX) this.#verified.clear()
    this.#verified.set(secret, { digest, keySet, entry })
    return this.#use(entry)
  }

  /** The principal of a key that has not expired. */
  #use({ principal, expiresAt }: KeyEntry): Principal | undefined {
    const now = this.#options.wallNow()
    if (expiresAt <= now) return undefined
    this.#options.noteUse(principal, Math.floor(now / 1_000))
    return principal
  }
}

function digestWithBytes(secret: string): SecretHash {
  const text = digestOf(secret)
  return { text, bytes: Buffer.from(text) }
}

const RANK: Record<Role, number> = { client: 0, server: 1, viewer: 2, editor: 3, admin: 4 }

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
