import { type Definition, FLAGS_MAX, type SegmentRules } from '../../../flag/definition.ts'
import { FlagError, type Mistake, pointerTo } from '../../../flag/error.ts'
import { isReservedName } from '../../../flag/needs/names.ts'
import { withoutRule } from '../../../flag/plan/pair.ts'
import { renameReferences, type SegmentUsers, segmentUsers } from '../../../flag/rules/segment-users.ts'
import { referencesIn } from '../../../flag/rules/segments.ts'
import { type Author, type ExpectedVersion, expectRevision } from '../changes.ts'
import type { Database, Transaction } from '../database.ts'
import { type EnvironmentRow, lockEnvironment } from '../environments.ts'
import { selectAll } from '../needs/all-definitions.ts'
import { type DefinitionsWrite, writeDefinitions } from '../write-definitions.ts'
import { changedSegments, checkSegmentChange, type SegmentFindings } from './segment-change.ts'
import { missingSegment, type SegmentName, type StoredSegment, segmentIn } from './segments.ts'

/**
 * A segment after a change. `affects`: the keys of the flags that may evaluate differently. With `dryRun` the revision is that of the stored
 * segment; 0 if there is none.
 */
export type ChangedSegment = StoredSegment & {
  readonly affects: readonly string[]
  readonly warnings: readonly Mistake[]
}

export type SegmentWrite = {
  readonly expected: ExpectedVersion
  readonly author: Author
  /** True checks the change and writes nothing. */
  readonly dryRun: boolean
}

/**
 * Creates or replaces one segment under a new revision; `next` makes its rule from the stored segment. The flags that reach it are checked
 * with the new rule. Fails with `invalid`, `stale` or `conflict`.
 */
export function changeSegment(
  database: Database,
  name: SegmentName,
  write: SegmentWrite & { readonly next: (before: StoredSegment | undefined) => unknown },
): Promise<ChangedSegment> {
  return database.write(async (tx) => {
    const { environment, before, flags } = await lockSegment(tx, name, write.expected)
    const rule = write.next(before)
    if (!before && Object.keys(environment.segments).length >= FLAGS_MAX)
      throw new FlagError('conflict', `Cannot create the segment: an environment has at most ${FLAGS_MAX}`)
    const after = { ...environment.segments, [name.segment]: rule }
    const findings = checkChange(environment, after, { flags, segment: name.segment })
    const revision = await writeSegments(tx, environment, { ...write, after })
    const isUnchanged = write.dryRun || (before && findings.affected.size === 0)
    const stored = { name: name.segment, rule, revision: isUnchanged ? (before?.revision ?? 0n) : revision }
    return { ...stored, affects: affectedFlags(flags, findings), warnings: findings.doubts }
  })
}

/**
 * Deletes a segment. Fails with `in_use` while a flag or a segment refers to it; with `force` only if one of these is not a disabled flag.
 * The disabled ones then refer to nothing.
 */
export function deleteSegment(
  database: Database,
  name: SegmentName,
  write: SegmentWrite & { readonly force: boolean },
): Promise<void> {
  return database.write(async (tx) => {
    const { environment, before, flags } = await lockSegment(tx, name, write.expected)
    if (!before) throw missingSegment(name)
    const users = segmentUsers(flags, environment.segments)(name.segment)
    const isUsed = users.flags.length + users.segments.length > 0
    if (isUsed && !(write.force && onlyDisabledFlags(users, flags))) throw inUse(`Segment "${name.segment}"`, users)
    const { [name.segment]: _, ...after } = environment.segments
    await writeSegments(tx, environment, { ...write, after })
  })
}

/**
 * Renames a segment, also in all rules that refer to it, under one revision. Fails with `conflict` if there is a segment named `to`, and
 * with `invalid` if the segment has mistakes.
 */
export function renameSegment(
  database: Database,
  name: SegmentName,
  write: SegmentWrite & { readonly to: string },
): Promise<ChangedSegment> {
  return database.write(async (tx) => {
    const { environment, before, flags } = await lockSegment(tx, name, write.expected)
    if (!before) throw missingSegment(name)
    const { segment: from } = name
    const { to } = write
    refuseReserved(to)
    if (Object.hasOwn(environment.segments, to)) throw new FlagError('conflict', `Segment "${to}" exists already`)
    const renamed = Object.entries(environment.segments).map(
      ([key, rule]) => [key === from ? to : key, renameReferences(rule, from, to)] as const,
    )
    const after = Object.fromEntries(renamed)
    const next = new Map<string, Definition>()
    for (const [key, flag] of flags)
      if (referencesIn([flag.targeting, flag['flagstaff']]).has(from)) next.set(key, withRenamed(flag, from, to))
    const others = new Map([...flags].filter(([key]) => !next.has(key)))
    const findings = checkChange(environment, after, { flags: others, segment: to })
    const revision = await writeSegments(tx, environment, { ...write, after, definitions: next, renamed: { from, to } })
    const stored = { name: to, rule: after[to], revision: write.dryRun ? before.revision : revision }
    return { ...stored, affects: affectedFlags(flags, findings), warnings: [] }
  })
}

function withRenamed(flag: Definition, from: string, to: string): Definition {
  const rename = (member: 'targeting' | 'flagstaff') =>
    flag[member] === undefined ? {} : { [member]: renameReferences(flag[member], from, to) }
  return withoutRule({ ...flag, ...rename('targeting'), ...rename('flagstaff') })
}

function refuseReserved(segment: string): void {
  if (isReservedName(segment))
    throw new FlagError(
      'invalid',
      `Cannot change segment "${segment}": names that begin with "fs." are generated from flags, groups and holdouts`,
    )
}

type LockedSegment = {
  readonly environment: EnvironmentRow
  readonly before: StoredSegment | undefined
  readonly flags: ReadonlyMap<string, Definition>
}

async function lockSegment(tx: Transaction, name: SegmentName, expected: ExpectedVersion): Promise<LockedSegment> {
  refuseReserved(name.segment)
  const environment = await lockEnvironment(tx, name)
  const before = segmentIn(environment, name.segment)
  expectRevision(expected, before?.revision)
  return { environment, before, flags: await selectAll(tx, environment.id) }
}

/** Throws `invalid` for mistakes that the change makes, with pointers to `/rule` for those in `segment` itself. */
function checkChange(
  environment: EnvironmentRow,
  after: SegmentRules,
  { flags, segment }: { flags: ReadonlyMap<string, Definition>; segment: string },
): SegmentFindings {
  const findings = checkSegmentChange(environment.segments, after, flags)
  const own = pointerTo('$evaluators', segment)
  const inBody = ({ pointer, message }: Mistake): Mistake => {
    const isOwn = pointer === own || pointer.startsWith(`${own}/`)
    return { pointer: isOwn ? `/rule${pointer.slice(own.length)}` : pointer, message }
  }
  const mistakes = [...findings.unfit, ...findings.mistakes].map(inBody)
  if (mistakes.length > 0)
    throw new FlagError('invalid', 'Cannot store the segment: it, or what uses it, has mistakes', { mistakes })
  return { ...findings, doubts: findings.doubts.map(inBody) }
}

/** Writes the segments of a locked environment, with changed definitions; returns the revision. */
async function writeSegments(
  tx: Transaction,
  environment: EnvironmentRow,
  write: SegmentWrite &
    Pick<DefinitionsWrite, 'renamed'> & {
      readonly after: SegmentRules
      readonly definitions?: DefinitionsWrite['next']
    },
): Promise<bigint> {
  const { after: segments, definitions: next = new Map(), author, dryRun, renamed } = write
  const isChanged = changedSegments(environment.segments, segments).length > 0
  const { revision } = await writeDefinitions(tx, environment, {
    next,
    settings: isChanged ? { segments, metadata: environment.metadata } : undefined,
    pointer: (key) => pointerTo('flags', key),
    author,
    dryRun,
    strict: false, // checked above, for mistakes of this change alone
    ...(renamed && { renamed }),
  })
  return revision
}

const affectedFlags = (flags: ReadonlyMap<string, Definition>, { affected }: SegmentFindings): string[] =>
  [...flags].flatMap(([key, { targeting }]) => (referencesIn(targeting).isDisjointFrom(affected) ? [] : [key]))

const onlyDisabledFlags = (users: SegmentUsers, flags: ReadonlyMap<string, Definition>): boolean =>
  users.segments.length === 0 && users.flags.every(({ key }) => flags.get(key)?.state === 'DISABLED')

/** Users that one response names. */
const USERS_MAX = 1_000

/** The users of a segment as a response shows them: at most `max` of each kind, and the count of all. */
export const shownUsers = ({ flags, segments }: SegmentUsers, max = USERS_MAX) => ({
  count: flags.length + segments.length,
  flags: flags.slice(0, max),
  segments: segments.slice(0, max),
})

/** The failure `in_use`, with the users in the response. */
export function inUse(what: string, users: SegmentUsers): FlagError {
  const { count } = shownUsers(users)
  const message = `${what} is in use by ${count} ${count === 1 ? 'rule' : 'rules'}`
  return new FlagError('in_use', message, { members: { usedBy: shownUsers(users) } })
}
