import * as v from 'valibot'
import type { EnvironmentName } from '../repository/postgres/environments.ts'
import type { UsableKeys } from '../repository/postgres/keys.ts'
import type { Role } from '../repository/postgres/tables.ts'
import type { RevisionId, StoredSnapshot } from '../repository/redis/snapshot-store.ts'

/** The authenticated caller. `environment` is null if the key is not bound to one. */
export type Principal = {
  /** The actor in change records. */
  readonly name: string
  readonly role: Role
  readonly environment: EnvironmentName | null
  /** The id of `environment`, of stored keys: to join one for each request would take 5 % of an evaluation. */
  readonly flagSetId?: string | undefined
}
const KEY_NAME = 'key:'
/** The id of the principal's stored key; undefined for the configured administrator key and in trial mode. */
export const keyIdOf = ({ name }: Pick<Principal, 'name'>): string | undefined =>
  name.startsWith(KEY_NAME) ? name.slice(KEY_NAME.length) : undefined

/** `digest`: the hash in base64, as bytes. */
export type KeyEntry = { readonly digest: Buffer; readonly principal: Principal; readonly expiresAt: number }
/** The usable keys of one revision, by hash. */
export type KeySet = RevisionId & { readonly streamSecret: Buffer; readonly entries: ReadonlyMap<string, KeyEntry> }

export function keySetOf({ incarnation, revision, streamSecret, keys }: UsableKeys): KeySet {
  const entries = keys.map((key): [string, KeyEntry] => {
    const principal = principalOf({ name: `${KEY_NAME}${key.id}`, role: key.role, environment: key.environment })
    const expiresAt = key.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY
    const digest = key.hash.toString('base64')
    return [digest, { digest: Buffer.from(digest), principal, expiresAt }]
  })
  return { incarnation, revision, streamSecret, entries: new Map(entries) }
}

function principalOf(principal: Omit<Principal, 'flagSetId'>): Principal {
  const { environment } = principal
  return environment ? { ...principal, flagSetId: `${environment.project}/${environment.environment}` } : principal
}

const entriesByName = new WeakMap<KeySet, ReadonlyMap<string, KeyEntry>>()

/** The entry whose principal has this name. */
export function entryNamed(keySet: KeySet, name: string): KeyEntry | undefined {
  const named = entriesByName.get(keySet) ?? new Map([...keySet.entries.values()].map((e) => [e.principal.name, e]))
  entriesByName.set(keySet, named)
  return named.get(name)
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

export function encodeKeySet({ streamSecret, entries }: KeySet): string {
  const keys = [...entries].map(([hash, { principal, expiresAt }]) => ({
    hash,
    name: principal.name,
    role: principal.role,
    environment: principal.environment,
    expiresAt: Number.isFinite(expiresAt) ? expiresAt : null,
  }))
  return JSON.stringify({ streamSecret: streamSecret.toString('base64'), keys })
}

/** Undefined if the text was not written by `encodeKeySet` of this version. */
export function decodeKeySet({ revisionId: stamp, text }: StoredSnapshot): KeySet | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), StoredKeySet), text)
  if (!parsed.success) return undefined
  const entries = parsed.output.keys.map(({ hash, expiresAt, ...principal }): [string, KeyEntry] => [
    hash,
    { digest: Buffer.from(hash), principal: principalOf(principal), expiresAt: expiresAt ?? Number.POSITIVE_INFINITY },
  ])
  return { ...stamp, streamSecret: Buffer.from(parsed.output.streamSecret, 'base64'), entries: new Map(entries) }
}
