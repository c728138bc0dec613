import { isDeepStrictEqual } from 'node:util'
import { checkDefinition } from '../../flag/check/definition.ts'
import { checkSeeds } from '../../flag/check/seeds.ts'
import type { Definition } from '../../flag/definition.ts'
import { FlagError, type Mistake } from '../../flag/error.ts'
import { isFlagSegment } from '../../flag/needs/names.ts'
import { own } from '../../flag/rules/expression.ts'
import { type Author, type NewChangeRecord, recordChanges } from './changes.ts'
import type { Transaction } from './database.ts'
import { checkDocumentSize } from './document-size.ts'
import { type EnvironmentRow, raiseRevision, segmentRevision } from './environments.ts'
import {
  archiveOrphans,
  checkTypes,
  createOrRestoreFlags,
  type DefinitionDifference,
  type LockedFlag,
  lockFlags,
  type PendingDifferences,
  storeDefinitions,
} from './flag-rows.ts'
import { type LockedPlace, refuseLocked, refuseLockedSettings } from './managed/locks.ts'
import { withGenerated } from './needs/generated.ts'
import { settleDefinitions } from './plans/settle.ts'
import { changedSegments } from './rules/segment-change.ts'
import type { ChangeOrigin } from './tables.ts'
import { checkValues } from './values/check-values.ts'

/** Changes to a locked environment. */
export type DefinitionsWrite = {
  /** The new definition of each key; undefined removes it. Keys that are absent stay as they are. */
  readonly next: ReadonlyMap<string, Definition | undefined>
  /** New segments and metadata, if they change. */
  readonly settings?: Pick<EnvironmentRow, 'segments' | 'metadata'> | undefined
  /** The segment that `settings` have under another name. */
  readonly renamed?: { readonly from: string; readonly to: string }
  /** Other members of the document, if they change. */
  readonly members?: EnvironmentRow['members'] | undefined
  /** JSON Pointer to a key's definition in the caller's document. */
  readonly pointer: (key: string) => string
  /** The second of the write, where a person changes one flag: its plan must not change the past. */
  readonly now?: number
  readonly author: Author
  readonly action?: 'rollback' | 'promote'
  /** Where the definitions and segments come from, if they are promoted or copied. */
  readonly origin?: ChangeOrigin
  /** False stores definitions with rule mistakes; each one then fails alone at evaluation. */
  readonly strict?: boolean
  /** True computes the difference and writes nothing. */
  readonly dryRun?: boolean
  /** True archives a removed flag that no other environment defines. */
  readonly archive?: boolean
  /** The manager that writes. What another, locked one manages is refused with `managed`. */
  readonly manager?: string
}

/** `revision` is unchanged if nothing differed. `warnings`: rule mistakes that were allowed, and rules that other engines evaluate differently. */
export type WriteResult = {
  readonly revision: bigint
  readonly changed: readonly DefinitionDifference[]
  readonly warnings: readonly Mistake[]
}

/** Writes definitions and segments of a locked environment, all under one new revision, each with its change record. */
export async function writeDefinitions(
  tx: Transaction,
  environment: EnvironmentRow,
  write: DefinitionsWrite,
): Promise<WriteResult> {
  const stored = await lockFlags(tx, environment, [...write.next.keys()])
  const changed = differences(stored, settledNext(environment, stored, write))
  refuseLocked(lockedIn(changed, stored, write))
  if (write.settings) await refuseLockedSettings(tx, environment, write.settings, write.manager)
  const generated = await withGenerated(tx, environment, { ...write, changed })
  const ruleWarnings = checkRules({ changed, stored }, generated.settings?.segments ?? environment.segments, write)
  const warnings = [...generated.warnings, ...ruleWarnings]
  await checkDocumentSize(tx, environment, {
    changed,
    ...generated.settings,
    ...(write.members && { members: write.members }),
  })
  if (write.dryRun || (changed.length === 0 && !generated.settings && !write.members))
    return { revision: environment.revision, changed, warnings }

  await checkTypes(tx, environment, { changed, stored, pointer: write.pointer })
  const settings = generated.settings && settingsOf(environment, generated.settings)
  const revision = await raiseRevision(tx, environment.id, { ...write, settings })
  const arrived = await createOrRestoreFlags(tx, environment, { changed, stored })
  await storeDefinitions(tx, environment, { changed, stored, revision, manager: write.manager })
  const archived = write.archive ? await archiveOrphans(tx, environment, { changed, stored }) : []
  const names = { project: environment.project, environment: environment.key, revision }
  await recordChanges(tx, write.author, [
    ...arrived.map((entry) => ({ ...names, ...entry })),
    ...changed.map((difference) => ({ ...names, ...entryOf(difference, write) })),
    ...segmentEntries(environment.segments, { ...write, ...generated }).map((entry) => ({ ...names, ...entry })),
    ...archived.map((entry) => ({ ...names, ...entry })),
  ])
  return { revision, changed, warnings }
}

/** The new definitions with the rules of their plans. Every write of definitions passes here. */
function settledNext(
  environment: EnvironmentRow,
  stored: ReadonlyMap<string, LockedFlag>,
  { next, settings, pointer, now }: DefinitionsWrite,
): DefinitionsWrite['next'] {
  const segments = settings?.segments ?? environment.segments
  const { definitions, mistakes } = settleDefinitions(next, {
    stored: (key) => stored.get(key)?.definition,
    segments,
    pointer,
    now,
  })
  if (mistakes.size === 0) return definitions
  const message = 'Cannot store the flags: their plans have mistakes'
  throw new FlagError('invalid', message, { mistakes: [...mistakes.values()].flat() })
}

function differences(stored: ReadonlyMap<string, LockedFlag>, next: DefinitionsWrite['next']): DefinitionDifference[] {
  const changed: DefinitionDifference[] = []
  for (const [key, after] of next) {
    const before = stored.get(key)?.definition
    if (!isDeepStrictEqual(before, after)) changed.push({ key, before, after })
  }
  return changed
}

function lockedIn(
  changed: readonly DefinitionDifference[],
  stored: ReadonlyMap<string, LockedFlag>,
  { manager, pointer }: DefinitionsWrite,
): LockedPlace[] {
  return changed.flatMap(({ key }) => {
    const { lockedBy } = stored.get(key) ?? {}
    if (lockedBy === undefined || lockedBy === manager) return []
    return [{ what: `Flag "${key}"`, pointer: pointer(key), lockedBy }]
  })
}

/** Rejects rule mistakes, with their JSON Pointers, so that they do not fail at evaluation. */
function checkRules(
  { changed, stored }: PendingDifferences,
  segments: EnvironmentRow['segments'],
  write: DefinitionsWrite,
): Mistake[] {
  const mistakes = changed.flatMap(({ key, after }) => {
    if (after === undefined) return []
    const schema = stored.get(key)?.valueSchema
    const pointer = write.pointer(key)
    return [...checkDefinition(after, segments, pointer), ...(schema ? checkValues(after, schema, pointer) : [])]
  })
  if (mistakes.length > 0 && write.strict !== false)
    throw new FlagError('invalid', 'Cannot store the flags: their definitions have mistakes', { mistakes })
  // Valid rules that other engines evaluate differently.
  const doubts = changed.flatMap(({ key, after }) => checkSeeds(after?.targeting, `${write.pointer(key)}/targeting`))
  return [...mistakes, ...doubts]
}

function entryOf(
  { key, before, after }: DefinitionDifference,
  { action, origin }: Pick<DefinitionsWrite, 'action' | 'origin'>,
): NewChangeRecord {
  const verb = before ? (after ? 'update' : 'delete') : 'create'
  const entry = { subject: 'definition', action: action ?? verb, flag: key, before: before ?? null } as const
  return { ...entry, after: after ?? null, ...(origin && { origin }) }
}

/** Segments and metadata as they are stored with the next revision. */
export function settingsOf(
  environment: EnvironmentRow,
  settings: Pick<EnvironmentRow, 'segments' | 'metadata'>,
): Pick<EnvironmentRow, 'segments' | 'metadata' | 'segmentRevisions'> {
  const changed = changedSegments(environment.segments, settings.segments)
  return { ...settings, segmentRevisions: segmentRevisions(environment, settings.segments, changed) }
}

/** The revision at which each of `segments` last changed; `changed` ones change now, with the next revision. */
function segmentRevisions(
  environment: EnvironmentRow,
  segments: EnvironmentRow['segments'],
  changed: readonly string[],
): EnvironmentRow['segmentRevisions'] {
  const isChanged = new Set(changed)
  const revisionOf = (name: string) =>
    Number(isChanged.has(name) ? environment.revision + 1n : segmentRevision(environment, name))
  return Object.fromEntries(Object.keys(segments).map((name) => [name, revisionOf(name)]))
}

/**
 * One record for each changed segment, with its rule before and after; one for a renamed segment, with both names. None for the segments of
 * needed flags, which change with these.
 */
function segmentEntries(
  before: EnvironmentRow['segments'],
  { settings, renamed, action: asked, origin }: DefinitionsWrite,
): NewChangeRecord[] {
  const after = settings?.segments ?? before
  const changed = changedSegments(before, after).filter((segment) => !isFlagSegment(segment))
  return changed.flatMap((segment): NewChangeRecord[] => {
    if (segment === renamed?.from) return []
    if (segment === renamed?.to)
      return [
        { subject: 'segment', action: 'rename', segment, before: { name: renamed.from }, after: { name: segment } },
      ]
    const verb = Object.hasOwn(before, segment) ? (Object.hasOwn(after, segment) ? 'update' : 'delete') : 'create'
    const action = asked === 'promote' ? asked : verb
    const entry = { subject: 'segment', action, segment, before: own(before, segment) } as const
    return [{ ...entry, after: own(after, segment), ...(origin && { origin }) }]
  })
}
