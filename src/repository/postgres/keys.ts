import { randomBytes } from 'node:crypto'
import { and, desc, eq, gt, inArray, isNull, or, sql } from 'drizzle-orm'
import { FlagError } from '../../flag/error.ts'
import { hashSecret } from '../digest.ts'
import type { RevisionId } from '../redis/snapshot-store.ts'
import { type Author, recordChanges } from './changes.ts'
import type { Database, Db, Transaction } from './database.ts'
import { type EnvironmentName, lockEnvironment, raiseKeysRevision } from './environments.ts'
import { deployment, environments, keys, lastKeyUses, projects, type Role } from './tables.ts'

/** An API key without its secret. `environment` is null for admin keys. */
export type ApiKey = {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly environment: EnvironmentName | null
  readonly createdBy: string
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
  /** Accurate to some minutes; null: never. */
  readonly lastUsedAt: Date | null
}
export type NewKey = Pick<ApiKey, 'name' | 'role' | 'environment' | 'expiresAt'>
/** All usable keys, as replicas cache them. */
export type UsableKeys = RevisionId & {
  /** Signs the tokens of event streams. */
  readonly streamSecret: Buffer
  readonly keys: readonly (ApiKey & { readonly hash: Buffer })[]
}

/** A replica caches all usable keys in memory, so that a flood of invalid keys never reaches the database. This limit bounds that cache. */
const KEYS_MAX = 10_000
/**
 * RFC 4648's base 32 in lower case, 5 bits for each character. Some providers can send the key only in the server's name. A key with its
 * prefix is therefore a valid host name label: at most 63 characters, and case is not significant.
 */
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const SECRET_LENGTH = 52

/** Creates a key. Only the response contains the secret; it cannot be shown again. */
export function createKey(database: Database, wanted: NewKey, author: Author): Promise<ApiKey & { secret: string }> {
  const secret = `fs_${wanted.role}_${Array.from(randomBytes(SECRET_LENGTH), (byte) => ALPHABET[byte & 31]).join('')}`
  return database.write(async (tx) => {
    // Locks in the order of deleteEnvironment(). The second lock keeps the count below exact.
    const environment = wanted.environment && (await lockEnvironment(tx, wanted.environment))
    await raiseKeysRevision(tx)
    if ((await tx.$count(keys, usable())) >= KEYS_MAX)
      throw new FlagError('conflict', `Cannot create the key: there are ${KEYS_MAX} already; revoke some first`)
    const { name, role, expiresAt } = wanted
    const [row] = await tx
      .insert(keys)
      .values({
        hash: hashSecret(secret),
        name,
        role,
        environmentId: environment?.id ?? null,
        expiresAt,
        createdBy: author.actor,
      })
      .returning()
    if (!row) throw new Error('Cannot create a key: the insert returned no row')
    const after = { id: row.id, name, role, expiresAt }
    await recordChanges(tx, author, [{ subject: 'key', action: 'create', ...wanted.environment, after }])
    const { createdBy, createdAt, revokedAt } = row
    return { id: row.id, ...wanted, createdBy, createdAt, revokedAt, lastUsedAt: null, secret }
  })
}

/** Roles of keys for applications: an editor manages those of its environment. */
export const APPLICATION_ROLES: readonly Role[] = ['client', 'server']

/** Only the keys for applications in this environment; null for all keys. */
export type KeyScope = EnvironmentName | null

/** Every key within `scope`, including revoked and expired ones, newest first. */
export function listKeys(
  database: Database,
  scope: KeyScope,
  page: { offset: number; limit: number },
): Promise<ApiKey[]> {
  return database.read(async (db) => {
    const rows = await selectKeys(db)
      .where(within(scope))
      .orderBy(desc(keys.createdAt), keys.id)
      .offset(page.offset)
      .limit(page.limit)
    return rows.map((row) => keyOf(row))
  })
}

/** A key by its id, usable or not. Fails with `not_found`. */
export function readKey(database: Database, id: string): Promise<ApiKey> {
  return database.read(async (db) => {
    const [row] = await selectKeys(db).where(eq(keys.id, id))
    if (!row) throw new FlagError('not_found', `Key "${id}" does not exist`)
    return keyOf(row)
  })
}

/** The secret that sessions of the console are sealed with: 32 bytes, the same for all replicas. */
export function readSessionSecret(database: Database): Promise<Buffer> {
  return database.read(async (db) => {
    const [row] = await db.select({ secret: deployment.sessionSecret }).from(deployment)
    if (!row) throw new Error('Cannot read the session secret: table deployment is empty')
    return row.secret
  })
}

/** Revokes a key now. Revoking it again changes nothing. Fails with `not_found` for a key that is not within `scope`. */
export function revokeKey(database: Database, scope: KeyScope, id: string, author: Author): Promise<void> {
  return database.write(async (tx) => {
    const [row] = await selectKeys(tx).where(and(eq(keys.id, id), within(scope)))
    if (!row) throw new FlagError('not_found', `Key "${id}" does not exist`)
    if (row.revokedAt) return
    await raiseKeysRevision(tx)
    await tx.update(keys).set({ revokedAt: sql`clock_timestamp()` }).where(eq(keys.id, id))
    const { name, role, environment } = keyOf(row)
    await recordChanges(tx, author, [{ subject: 'key', action: 'revoke', ...environment, before: { id, name, role } }])
  })
}

/** Reads all usable keys, or undefined if nothing changed since `since`. */
export function readKeys(database: Database, since?: RevisionId): Promise<UsableKeys | undefined> {
  return database.read(async (db) => {
    const { incarnation, keysRevision: revision, streamSecret } = deployment
    const [head] = await db.select({ incarnation, revision, streamSecret }).from(deployment)
    if (!head) throw new Error('Cannot read the keys: table deployment is empty')
    if (head.incarnation === since?.incarnation && head.revision === since.revision) return undefined
    // Keys are read after the number: a newer key is then read twice, never missed.
    const rows = await selectKeys(db).where(usable()).limit(KEYS_MAX)
    return { ...head, keys: rows.map((key) => ({ ...keyOf(key), hash: key.hash })) }
  })
}

const within = (scope: KeyScope) =>
  scope
    ? and(
        eq(projects.key, scope.project),
        eq(environments.key, scope.environment),
        inArray(keys.role, [...APPLICATION_ROLES]),
      )
    : undefined

const usable = () => and(isNull(keys.revokedAt), or(isNull(keys.expiresAt), gt(keys.expiresAt, sql`now()`)))

function selectKeys(db: Db | Transaction) {
  return db
    .select({
      id: keys.id,
      hash: keys.hash,
      name: keys.name,
      role: keys.role,
      project: projects.key,
      environment: environments.key,
      createdBy: keys.createdBy,
      createdAt: keys.createdAt,
      expiresAt: keys.expiresAt,
      revokedAt: keys.revokedAt,
      lastUsedAt: lastKeyUses.at,
    })
    .from(keys)
    .leftJoin(environments, eq(environments.id, keys.environmentId))
    .leftJoin(lastKeyUses, eq(lastKeyUses.keyId, keys.id))
    .leftJoin(projects, eq(projects.id, environments.projectId))
    .$dynamic()
}

function keyOf(row: Awaited<ReturnType<typeof selectKeys>>[number]): ApiKey {
  const { hash: _, project, environment, ...key } = row
  return { ...key, environment: project === null || environment === null ? null : { project, environment } }
}
