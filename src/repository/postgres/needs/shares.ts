import { eq } from 'drizzle-orm'
import type { Definition } from '../../../flag/definition.ts'
import { FlagError } from '../../../flag/error.ts'
import { groupSegment, holdoutSegment } from '../../../flag/needs/names.ts'
import { planIn } from '../../../flag/plan/pair.ts'
import { segmentUsers } from '../../../flag/rules/segment-users.ts'
import type { Group } from '../../../flag/shares/group.ts'
import type { Holdout } from '../../../flag/shares/holdout.ts'
import { type Author, type ExpectedVersion, expectRevision } from '../changes.ts'
import type { Database, Transaction } from '../database.ts'
import {
  type EnvironmentName,
  type EnvironmentRow,
  lockEnvironment,
  readEnvironmentRow,
  segmentRevision,
} from '../environments.ts'
import { inUse } from '../rules/change-segment.ts'
import { environments } from '../tables.ts'
import { writeDefinitions } from '../write-definitions.ts'
import { selectAll } from './all-definitions.ts'

/** Groups, or holdouts, of one environment. */
export const SHARES_MAX = 100

type Shares = { readonly groups: Group; readonly holdouts: Holdout }
export type SharesKind = keyof Shares

const SEGMENT = { groups: groupSegment, holdouts: holdoutSegment } as const
const WHAT = { groups: 'Group', holdouts: 'Holdout' } as const

/** A group or holdout; `revision` is that of its last change. */
export type StoredShares<K extends SharesKind> = {
  readonly name: string
  readonly value: Shares[K]
  readonly revision: bigint
}

export type SharesName<K extends SharesKind> = EnvironmentName & { readonly kind: K; readonly name: string }
export type SharesWrite = { readonly expected: ExpectedVersion; readonly author: Author; readonly dryRun: boolean }

/** All groups, or holdouts, of an environment in the order of their names. */
export function listShares<K extends SharesKind>(
  database: Database,
  { kind, ...name }: Omit<SharesName<K>, 'name'>,
): Promise<StoredShares<K>[]> {
  return database.read(async (db) => {
    const environment = await readEnvironmentRow(db, name)
    return Object.keys(environment[kind])
      .sort()
      .flatMap((key) => storedIn(environment, kind, key) ?? [])
  })
}

/** Reads one. Fails with `not_found`. */
export function readShares<K extends SharesKind>(
  database: Database,
  { kind, name, ...environment }: SharesName<K>,
): Promise<StoredShares<K>> {
  return database.read(async (db) => {
    const stored = storedIn(await readEnvironmentRow(db, environment), kind, name)
    if (!stored) throw missing(kind, name)
    return stored
  })
}

/**
 * Creates or replaces a group or holdout under a new revision, with the segment that is made of it. `next` makes it from the stored one, while
 * the environment is locked. With `dryRun` nothing is written. Fails with `stale`, `conflict`, or `in_use` if a slot is gone that a flag has.
 */
export function changeShares<K extends SharesKind>(
  database: Database,
  { kind, name, ...environmentName }: SharesName<K>,
  write: SharesWrite & { readonly next: (before: Shares[K] | undefined) => Shares[K] },
): Promise<StoredShares<K>> {
  return database.write(async (tx) => {
    const environment = await lockEnvironment(tx, environmentName)
    const before = storedIn(environment, kind, name)
    expectRevision(write.expected, before?.revision)
    const value = write.next(before?.value)
    if (!before && Object.keys(environment[kind]).length >= SHARES_MAX)
      throw new FlagError('conflict', `Cannot create it: an environment has at most ${SHARES_MAX} ${kind}`)
    if (kind === 'groups') await refuseGoneSlots(tx, environment, { name, group: value as Group })
    const after = { ...environment, [kind]: { ...environment[kind], [name]: value } }
    const revision = await store(tx, { environment, after, kind }, write)
    return { name, value, revision: revision === environment.revision ? (before?.revision ?? 0n) : revision }
  })
}

/** Deletes a group or holdout. Fails with `in_use` while a rule refers to it. */
export function deleteShares<K extends SharesKind>(
  database: Database,
  { kind, name, ...environmentName }: SharesName<K>,
  write: SharesWrite,
): Promise<void> {
  return database.write(async (tx) => {
    const environment = await lockEnvironment(tx, environmentName)
    const before = storedIn(environment, kind, name)
    expectRevision(write.expected, before?.revision)
    if (!before) throw missing(kind, name)
    const users = segmentUsers(await selectAll(tx, environment.id), environment.segments)(SEGMENT[kind](name))
    if (users.flags.length + users.segments.length > 0) throw inUse(`${WHAT[kind]} "${name}"`, users)
    const { [name]: _, ...others } = environment[kind] as Record<string, unknown>
    await store(tx, { environment, after: { ...environment, [kind]: others }, kind }, write)
  })
}

function storedIn<K extends SharesKind>(
  environment: EnvironmentRow,
  kind: K,
  name: string,
): StoredShares<K> | undefined {
  const all = environment[kind] as Readonly<Record<string, Shares[K]>>
  const value = Object.hasOwn(all, name) ? all[name] : undefined
  return value && { name, value, revision: segmentRevision(environment, SEGMENT[kind](name)) }
}

const missing = (kind: SharesKind, name: string) => new FlagError('not_found', `${WHAT[kind]} "${name}" does not exist`)

type SharesChange = { readonly environment: EnvironmentRow; readonly after: EnvironmentRow; readonly kind: SharesKind }

/** Stores the groups or holdouts of a locked environment with the segments that are made of them; returns the revision. */
async function store(tx: Transaction, { environment, after, kind }: SharesChange, write: SharesWrite): Promise<bigint> {
  const { author, dryRun } = write
  const { revision } = await writeDefinitions(tx, after, { next: new Map(), pointer: () => '', author, dryRun })
  if (!dryRun && revision !== environment.revision)
    await tx
      .update(environments)
      .set({ [kind]: after[kind] })
      .where(eq(environments.id, environment.id))
  return revision
}

/** A flag whose plan has a slot that is gone would apply to no user. */
async function refuseGoneSlots(
  tx: Transaction,
  environment: EnvironmentRow,
  { name, group }: { readonly name: string; readonly group: Group },
): Promise<void> {
  if (!Object.hasOwn(environment.groups, name)) return
  const slots = new Set(group.ranges.map(({ owner }) => owner))
  const users = [...(await selectAll(tx, environment.id))].flatMap(([key, flag]) => {
    const used = slotOf(flag, name)
    return used === undefined || slots.has(used) ? [] : [{ key, path: [] }]
  })
  if (users.length > 0) throw inUse(`A slot of group "${name}" that is removed`, { flags: users, segments: [] })
}

function slotOf(flag: Definition, name: string): string | undefined {
  const { group } = planIn(flag) ?? {}
  return group?.name === name ? group.slot : undefined
}
