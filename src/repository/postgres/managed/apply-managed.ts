import { isDeepStrictEqual } from 'node:util'
import type { Definition, FlagSetDocument, Metadata, SegmentRules } from '../../../flag/definition.ts'
import { type Mistake, pointerTo } from '../../../flag/error.ts'
import { own } from '../../../flag/rules/expression.ts'
import { type Author, type ExpectedVersion, expectRevision, recordChanges } from '../changes.ts'
import type { Database, Transaction } from '../database.ts'
import { type EnvironmentName, type EnvironmentRow, lockEnvironment, raiseRevision } from '../environments.ts'
import { settingsEntry } from '../flag-set.ts'
import { settleDefinitions } from '../plans/settle.ts'
import { type WriteResult, writeDefinitions } from '../write-definitions.ts'
import {
  type ManagerRow,
  ownedIn,
  recordManager,
  selectManagers,
  selectOwned,
  storeClaims,
  storeManager,
} from './managers.ts'
import { type OwnedEntry, type Ownership, type OwnershipPlan, planOwnership, recordAfter } from './ownership.ts'
import { keepEntries, PLACES, type Plans, refusalsOf } from './refusals.ts'
import { refuseMistakes } from './refuse-mistakes.ts'

export type ManagedApplication = {
  readonly document: Pick<FlagSetDocument, 'flags' | 'segments' | 'metadata'>
  /** Mistakes of flags that are not in the document because of them; the manager keeps what it has of these. */
  readonly refused: readonly Mistake[]
  /** Pointers of what the manager keeps as it is, although the document does not name it. */
  readonly keep: readonly string[]
  readonly ownership: Ownership
  readonly dryRun: boolean
  readonly expected: ExpectedVersion
  readonly author: Author
}
export type ManagedResult = WriteResult & {
  readonly segments: boolean
  readonly metadata: boolean
  /** Keys of flags that existed without a manager and have this one now. */
  readonly adopted: readonly string[]
  /** Keys of flags that lost the manager; those that were removed are among them. */
  readonly released: readonly string[]
  /** Pointers of what others have changed. */
  readonly drifted: readonly string[]
  /** Why flags, segments and entries of the metadata are left as they are. */
  readonly refused: readonly Mistake[]
  /** How many flags the manager has. */
  readonly managed: number
}

/**
 * Makes the flags, segments and metadata of a manager those of the document, under one revision. What cannot be stored is refused by itself
 * and left as it is. Without a difference nothing is written. Fails with `not_found`, `stale` or `too_large`.
 */
export function applyManaged(
  database: Database,
  name: EnvironmentName,
  application: ManagedApplication,
): Promise<ManagedResult> {
  return database.write(async (tx) => {
    const { ownership, dryRun, author } = application
    const environment = await lockEnvironment(tx, name)
    expectRevision(application.expected, environment.revision)
    const rows = await selectManagers(tx, environment.id)
    const owned = await selectOwned(tx, environment.id)
    const { document, refused } = settled(environment, owned, application)
    const wanted = { segments: mapOf(document.segments), metadata: mapOf(document.metadata) }
    const plans: Plans = {
      flags: planOwnership(owned, document.flags, ownership),
      segments: planOwnership(ownedIn('segments', environment.segments, rows), wanted.segments, ownership),
      metadata: planOwnership(ownedIn('metadata', environment.metadata, rows), wanted.metadata, ownership),
    }
    keepEntries(plans, { ...application, refused })
    const mistakes = [...refused, ...(await refuseMistakes(tx, environment, { plans, owned }))]
    const written = await writeDefinitions(tx, environment, {
      next: plans.flags.next,
      settings: settingsAfter(environment, plans),
      pointer: (key) => pointerTo('flags', key),
      author,
      dryRun,
      archive: true,
      manager: ownership.manager,
    })
    if (plans.metadata.next.size > 0 && !dryRun)
      await recordChanges(tx, author, [
        settingsEntry(
          environment,
          { ...environment, metadata: recordAfter(environment.metadata, plans.metadata.next) },
          written.revision,
        ),
      ])
    const manager = managerAfter(rows, { environment, document, ownership, plans })
    const revision = dryRun
      ? written.revision
      : await storeOwnership(tx, environment, { written, author, manager, plans, rows })
    return { ...written, revision, ...resultOf(plans, owned, ownership), refused: refusalsOf(plans, mistakes) }
  })
}

/** The document with the rules of its plans, so that it is compared with what is stored; flags whose plans have mistakes are refused. */
function settled(
  environment: EnvironmentRow,
  owned: ReadonlyMap<string, OwnedEntry<Definition>>,
  { document, refused }: ManagedApplication,
): Pick<ManagedApplication, 'document' | 'refused'> {
  const { definitions, mistakes } = settleDefinitions(document.flags, {
    stored: (key) => owned.get(key)?.stored,
    segments: { ...environment.segments, ...document.segments },
    pointer: (key) => pointerTo('flags', key),
  })
  const flags = new Map([...definitions].filter(([key]) => !mistakes.has(key)))
  return { document: { ...document, flags }, refused: [...refused, ...[...mistakes.values()].flat()] }
}

const mapOf = <T>(record: Readonly<Record<string, T>>): Map<string, T> => new Map(Object.entries(record))

function settingsAfter(environment: EnvironmentRow, { segments, metadata }: Plans) {
  if (segments.next.size === 0 && metadata.next.size === 0) return undefined
  return {
    segments: recordAfter(environment.segments, segments.next) as SegmentRules,
    metadata: recordAfter(environment.metadata, metadata.next) as Metadata,
  }
}

type ManagerChange = {
  readonly environment: EnvironmentRow
  readonly document: ManagedApplication['document']
  readonly ownership: Ownership
  readonly plans: Plans
}

/** The manager's row, with what it has applied: what is wanted, without what is refused. */
function managerAfter(rows: readonly ManagerRow[], change: ManagerChange): ManagerRow {
  const { environment, document, ownership, plans } = change
  const before = rows.find(({ name }) => name === ownership.manager)
  const applied = <T>(
    plan: OwnershipPlan<T>,
    wanted: Readonly<Record<string, T>>,
    earlier: Readonly<Record<string, T>> = {},
  ) => {
    const names = new Set([...Object.keys(wanted), ...Object.keys(earlier)])
    const entries = [...names].flatMap((name): [string, T][] => {
      const isKept =
        plan.refused.has(name) || plan.drifted.has(name) || !(Object.hasOwn(wanted, name) || plan.released.has(name))
      const value = isKept ? own(earlier, name) : own(wanted, name)
      return value === undefined ? [] : [[name, value as T]]
    })
    return Object.fromEntries(entries)
  }
  return {
    environmentId: environment.id,
    name: ownership.manager,
    locked: ownership.drift === 'correct',
    segments: applied(plans.segments, document.segments, before?.segments),
    metadata: applied(plans.metadata, document.metadata, before?.metadata),
  }
}

/** Stores who manages what. Returns the revision: a new one if nothing else was written, so that lists show the managers. */
async function storeOwnership(
  tx: Transaction,
  environment: EnvironmentRow,
  change: {
    readonly written: WriteResult
    readonly author: Author
    readonly manager: ManagerRow
    readonly plans: Plans
    readonly rows: readonly ManagerRow[]
  },
): Promise<bigint> {
  const { written, author, manager, plans, rows } = change
  const { claimed, adopted, released } = plans.flags
  const before = rows.find(({ name }) => name === manager.name)
  if (!isDeepStrictEqual(before, manager)) await storeManager(tx, manager)
  await storeClaims(tx, environment, { manager: manager.name, claimed, released })
  const kept = [...released].filter((key) => !plans.flags.next.has(key))
  if (before?.locked === manager.locked && adopted.size === 0 && kept.length === 0) return written.revision
  const isWritten = written.revision > environment.revision
  const revision = isWritten ? written.revision : await raiseRevision(tx, environment.id, { author })
  const { name, locked } = manager
  await recordManager(tx, environment, {
    author,
    revision,
    ...(before && { before: { name, locked: before.locked } }),
    after: { name, locked, adopted: [...adopted].slice(0, KEYS_MAX), released: kept.slice(0, KEYS_MAX) },
  })
  return revision
}

/** Keys in one change record. */
const KEYS_MAX = 100

function resultOf(plans: Plans, owned: ReadonlyMap<string, OwnedEntry<Definition>>, { manager }: Ownership) {
  const { flags, segments, metadata } = plans
  const before = [...owned].filter(([, entry]) => entry.managedBy === manager).map(([key]) => key)
  const managed = new Set([...before, ...flags.claimed]).difference(flags.released)
  return {
    segments: segments.next.size > 0,
    metadata: metadata.next.size > 0,
    adopted: [...flags.adopted],
    released: [...flags.released],
    drifted: placesOf(plans, ({ drifted }) => drifted),
    managed: managed.size,
  }
}

function placesOf(plans: Plans, namesIn: (plan: OwnershipPlan<never>) => Iterable<string>): string[] {
  return (['flags', 'segments', 'metadata'] as const).flatMap((kind) =>
    [...namesIn(plans[kind] as OwnershipPlan<never>)].map((name) => pointerTo(PLACES[kind], name)),
  )
}
