import * as v from 'valibot'
import { FlagError } from '../flag/error.ts'
import { digestOf, isEqualInTime } from '../repository/digest.ts'
import type { EnvironmentName } from '../repository/postgres/environments.ts'
import type { UsableKeys } from '../repository/postgres/keys.ts'
import type { Role } from '../repository/postgres/tables.ts'
import type { RevisionId, StoredSnapshot } from '../repository/redis/snapshot-store.ts'
import type { ReplicationOptions } from './freshness.ts'
import { Replicated } from './replicated.ts'

/** Who a request comes from. `environment` is null when the caller is bound to none. */
export type Principal = {
  /** What stands in change records. */
  readonly name: string
  readonly role: Role
  readonly environment: EnvironmentName | null
}
const KEY_NAME = 'key:'
/** The id of the stored key that a principal came with; undefined for the administrator of the configuration and for trial mode. */
export const keyIdOf = ({ name }: Pick<Principal, 'name'>): string | undefined =>
  name.startsWith(KEY_NAME) ? name.slice(KEY_NAME.length) : undefined

/** A hash as text, and the bytes of that text. */
type SecretHash = { readonly text: string; readonly bytes: Buffer }
/** A secret that opened something: its hash, and what that was in `ring`. */
type VerifiedSecret = { readonly digest: SecretHash; readonly keySet: KeySet; readonly entry: KeyEntry }
/** `digest` is the text of the hash, as bytes. */
type KeyEntry = { readonly digest: Buffer; readonly principal: Principal; readonly expiresAt: number }
type KeySet = RevisionId & { readonly streamSecret: Buffer; readonly entries: ReadonlyMap<string, KeyEntry> }

/** Secrets that are kept at most; then all are hashed anew. */
const VERIFIED_MAX = 1_000

/**
 * Every usable key, hashed, in memory: checking one costs no network, and a flood of wrong ones makes a replica ask no more often
 * than any traffic does.
 */
export class KeyCache {
  readonly #held: Replicated<KeySet>
  readonly #admin: KeyEntry | undefined
  readonly #wallNow: () => number
  /**
   * Secrets that opened something. To hash each request's again takes a tenth of an evaluation. What a secret opened holds for the ring
   * that it opened it in; in the next one it is looked up and compared as ever: one that is revoked opens nothing any more.
   */
  readonly #kept = new Map<string, VerifiedSecret>()

  /** `adminSecret` opens everything until real keys exist. `wallNow` is in milliseconds since 1970: keys expire by it. */
  constructor(
    replication: ReplicationOptions,
    read: (since?: RevisionId) => Promise<UsableKeys | undefined>,
    options: { adminSecret: string | undefined; wallNow: () => number },
  ) {
    this.#wallNow = options.wallNow
    this.#held = new Replicated<KeySet>(replication, {
      name: 'keys',
      read: async (ring) => {
        const source = await read(ring)
        return source ? keySetOf(source) : ring
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
   * Finds whom a secret belongs to; undefined: to nobody, or not any more. A promise at first, after a pause, and for a key that
   * may have been created elsewhere since the last look. Rejects with
   * `unavailable` while no key was ever read.
   */
  find(secret: string): Principal | undefined | Promise<Principal | undefined> {
    const kept = this.#kept.get(secret) // never the administrator's
    const digest = kept?.digest ?? digestWithBytes(secret)
    if (!kept && this.#admin && isEqualInTime(this.#admin.digest, digest.bytes)) return this.#admin.principal
    const ring = this.#held.current()
    if (kept && kept.keySet === ring) return this.#unexpired(kept.entry)
    if (ring instanceof Promise) return ring.then((found) => this.#match(found, secret, digest))
    const found = this.#match(ring, secret, digest)
    if (found || this.#held.isFresh) return found
    return this.#held.check().then(() => this.#match(this.#held.value, secret, digest)) // it may have been created just now
  }

  /** What the tokens of event streams are signed with; a promise at first and after a pause. Rejects while no key was ever read. */
  streamSecret(): Buffer | Promise<Buffer> {
    const secretOf = (ring: KeySet | undefined): Buffer => {
      if (ring) return ring.streamSecret
      throw new FlagError('unavailable', 'The keys could not be read yet')
    }
    const ring = this.#held.current()
    return ring instanceof Promise ? ring.then(secretOf) : secretOf(ring)
  }

  /** Brings the keys up to date here and hands them on; awaited by whoever has just changed them. */
  refresh(): Promise<void> {
    return this.#held.refresh()
  }

  /** Reads the keys before the first request needs them, where that was not done yet. Never rejects. */
  async warmUp(): Promise<void> {
    if (this.#held.value === undefined) await this.#held.check()
  }

  /** The map finds the candidate by its hash, which a caller cannot steer; the comparison takes the same time for all. */
  #match(ring: KeySet | undefined, secret: string, digest: SecretHash): Principal | undefined {
    const entry = ring?.entries.get(digest.text)
    if (!ring || !entry || !isEqualInTime(entry.digest, digest.bytes)) return undefined
    if (this.#kept.size >= VERIFIED_MAX) this.#kept.clear()
    this.#kept.set(secret, { digest, keySet: ring, entry })
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
      role: v.picklist(['client', 'server', 'editor', 'admin']),
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
