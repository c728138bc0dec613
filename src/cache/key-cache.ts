import * as v from 'valibot'
import { FlagError } from '../flag/error.ts'
import { digestOf, isEqualInTime } from '../repository/digest.ts'
import type { EnvironmentName } from '../repository/postgres/environments.ts'
import type { UsableKeys } from '../repository/postgres/keys.ts'
import type { Role } from '../repository/postgres/tables.ts'
import type { RevisionId, StoredSnapshot } from '../repository/redis/snapshot-store.ts'
import type { ReplicationOptions } from './freshness.ts'
import { Replicated } from './replicated.ts'

/** The authenticated caller. `environment` is null if the key is not bound to one. */
export type Principal = {
  /** The actor in change records. */
  readonly name: string
  readonly role: Role
  readonly environment: EnvironmentName | null
}
const KEY_NAME = 'key:'
/** The id of the principal's stored key; undefined for the configured administrator key and in trial mode. */
export const keyIdOf = ({ name }: Pick<Principal, 'name'>): string | undefined =>
  name.startsWith(KEY_NAME) ? name.slice(KEY_NAME.length) : undefined

/** SHA-256 of a secret in base64, and the bytes of that text. */
type SecretHash = { readonly text: string; readonly bytes: Buffer }
/** A secret that matched `entry` of `keySet`. */
type VerifiedSecret = { readonly digest: SecretHash; readonly keySet: KeySet; readonly entry: KeyEntry }
/** `digest`: the hash in base64, as bytes. */
type KeyEntry = { readonly digest: Buffer; readonly principal: Principal; readonly expiresAt: number }
type KeySet = RevisionId & { readonly streamSecret: Buffer; readonly entries: ReadonlyMap<string, KeyEntry> }

/** Most verified secrets that are cached; at the limit all are dropped. */
const VERIFIED_MAX = 1_000

/** All usable keys, hashed, in memory: a check needs no network, and wrong keys cause no more database queries than other traffic. */
export class KeyCache {
  readonly #replicated: Replicated<KeySet>
  readonly #admin: KeyEntry | undefined
  readonly #wallNow: () => number
  /**
   * Verified secrets: to hash one again takes a tenth of an evaluation. An entry is valid for its key set only; with the next set the
   * secret is looked up and compared again, so revocation takes effect.
   */
  readonly #verified = new Map<string, VerifiedSecret>()

  /** `adminSecret` has the role admin. `wallNow`, in milliseconds since 1970, decides whether a key has expired. */
  constructor(
    replication: ReplicationOptions,
    read: (since?: RevisionId) => Promise<UsableKeys | undefined>,
    options: { adminSecret: string | undefined; wallNow: () => number },
  ) {
    this.#wallNow = options.wallNow
    this.#replicated = new Replicated<KeySet>(replication, {
      name: 'keys',
      read: async (keySet) => {
        const source = await read(keySet)
        return source ? keySetOf(source) : keySet
      },
      encode,
      decode,
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
    if (verified && verified.keySet === keySet) return this.#unexpired(verified.entry)
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
      return entry && this.#unexpired(entry)
    }
    const keySet = this.#replicated.current()
    if (keySet instanceof Promise) return keySet.then(principalIn)
    const found = principalIn(keySet)
    if (found || this.#replicated.isFresh) return found
    return this.#replicated.check().then(() => principalIn(this.#replicated.value)) // as in find()
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
    return this.#unexpired(entry)
  }

  #unexpired({ principal, expiresAt }: KeyEntry): Principal | undefined {
    return expiresAt === Number.POSITIVE_INFINITY || expiresAt > this.#wallNow() ? principal : undefined
  }
}

function digestWithBytes(secret: string): SecretHash {
  const text = digestOf(secret)
  return { text, bytes: Buffer.from(text) }
}

function keySetOf({ incarnation, revision, streamSecret, keys }: UsableKeys): KeySet {
  const entries = keys.map((key): [string, KeyEntry] => {
    const principal: Principal = { name: `${KEY_NAME}${key.id}`, role: key.role, environment: key.environment }
    const expiresAt = key.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY
    const digest = key.hash.toString('base64')
    return [digest, { digest: Buffer.from(digest), principal, expiresAt }]
  })
  return { incarnation, revision, streamSecret, entries: new Map(entries) }
}

const StoredKeySet = v.object({
  streamSecret: v.pipe(v.string(), v.base64()),
  keys: v.array(
    v.object({
      hash: v.pipe(v.string(), v.base64()),
      name: v.string(),
      role: v.picklist(['client', 'server', 'viewer', 'editor', 'admin']),
      environment: v.nullable(v.object({ project: v.string(), environment: v.string() })),
      expiresAt: v.nullable(v.number()),
    }),
  ),
})

function encode({ streamSecret, entries }: KeySet): string {
  const keys = [...entries].map(([hash, { principal, expiresAt }]) => ({
    hash,
    ...principal,
    expiresAt: Number.isFinite(expiresAt) ? expiresAt : null,
  }))
  return JSON.stringify({ streamSecret: streamSecret.toString('base64'), keys })
}

function decode({ revisionId: stamp, text }: StoredSnapshot): KeySet | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), StoredKeySet), text)
  if (!parsed.success) return undefined
  const entries = parsed.output.keys.map(({ hash, expiresAt, ...principal }): [string, KeyEntry] => [
    hash,
    { digest: Buffer.from(hash), principal, expiresAt: expiresAt ?? Number.POSITIVE_INFINITY },
  ])
  return { ...stamp, streamSecret: Buffer.from(parsed.output.streamSecret, 'base64'), entries: new Map(entries) }
}
