import type { MemberComparison } from '../../../flag/compare/compare-flag.ts'
import { type FlagSelection, mergeFlag, type Side } from '../../../flag/compare/merge-flag.ts'
import {
  compareSegments,
  mergeSegments,
  type SegmentComparison,
  segmentsReached,
} from '../../../flag/compare/segments.ts'
import type { Definition } from '../../../flag/definition.ts'
import { FlagError, type Mistake, pointerTo } from '../../../flag/error.ts'
import { isReservedName } from '../../../flag/needs/names.ts'
import { withoutRule } from '../../../flag/plan/pair.ts'
import type { Author } from '../changes.ts'
import type { Database, Transaction } from '../database.ts'
import { lockEnvironment, readEnvironmentRow } from '../environments.ts'
import { selectAll } from '../needs/all-definitions.ts'
import { checkSegmentChange } from '../rules/segment-change.ts'
import { writeDefinitions } from '../write-definitions.ts'
import { type EnvironmentPair, selectFlagBases, selectSegmentBases, storeBases } from './bases.ts'
import { type PairName, refuseSame } from './compare-environments.ts'
import { refuseMissing } from './missing.ts'
import { type CarriedTimelines, carryTimelines, type FlagMerge } from './timelines.ts'

export type SelectedFlag = FlagSelection & { readonly flag: string }
export type Promotion = {
  readonly flags: readonly SelectedFlag[]
  /** The revisions that the caller has seen; undefined: any. */
  readonly ifSource: bigint | undefined
  readonly ifTarget: bigint | undefined
  /** `needed` carries the segments that the carried rules reach, if the target lacks them. */
  readonly segments: 'needed' | 'none'
  /** The side of segments that differ, by name. */
  readonly resolveSegments: Readonly<Record<string, Side>>
  readonly state: 'keep' | 'take'
  readonly plans: CarriedTimelines
  readonly dryRun: boolean
  readonly author: Author
}

export type PromotedFlag = {
  readonly flag: string
  /** JSON Pointers of the members that came from the source; '' if the flag is new or removed. */
  readonly members: readonly string[]
  readonly before: Definition | undefined
  readonly after: Definition | undefined
}
export type PromotionResult = {
  /** That of the target. */
  readonly revision: bigint
  readonly changed: readonly PromotedFlag[]
  /** Names of segments that are new or replaced in the target. */
  readonly segments: readonly string[]
  readonly warnings: readonly Mistake[]
}

/**
 * Carries flags from one environment to another, under one revision of the target, all or nothing. Fails with `stale` if an environment has
 * another revision than the caller saw, with `needs_merge` where a member or segment needs a side, and with `invalid` for mistakes in the target.
 */
export function promote(database: Database, name: PairName, promotion: Promotion): Promise<PromotionResult> {
  refuseSame(name)
  return database.write(async (tx) => {
    const pair = await lockPair(tx, name)
    refuseStale(pair, promotion)
    const merges = await carryTimelines(tx, await mergeFlags(tx, pair, promotion), promotion.plans)
    const segments = await segmentsFor(tx, pair, { promotion, merges })
    refuseConflicts(merges, segments.conflicts)
    const carried = new Map(
      merges.filter(({ taken }) => taken.length > 0).map(({ flag, next }) => [flag, next && withoutRule(next)]),
    )
    const places = new Map(promotion.flags.map(({ flag }, index) => [flag, pointerTo('flags', String(index), 'flag')]))
    await refuseMissing(tx, pair.target, { carried, pointer: (key) => places.get(key) ?? '' })
    const settings = await settingsAfter(tx, pair, { carried, segments: segments.next })
    const { author, dryRun } = promotion
    const { revision, changed, warnings } = await writeDefinitions(tx, pair.target, {
      next: carried,
      settings: settings.changed,
      pointer: (key) => pointerTo('flags', key),
      author,
      action: 'promote',
      origin: { environment: pair.source.key, revision: Number(pair.source.revision) },
      dryRun,
    })
    if (!dryRun)
      await storeBases(tx, pair, {
        flags: new Map(merges.map(({ flag, base }) => [flag, base])),
        segments: segments.bases,
        revision,
        actor: author.actor,
      })
    const taken = new Map(merges.map(({ flag, taken }) => [flag, taken]))
    return {
      revision,
      changed: changed.map(({ key, before, after }) => ({ flag: key, members: taken.get(key) ?? [], before, after })),
      segments: Object.keys(segments.next),
      warnings: [...settings.doubts, ...warnings],
    }
  })
}

/** Locks both environments, the older one first, as all writers do: their contents stay until the end of the transaction. */
async function lockPair(tx: Transaction, { project, source, target }: PairName): Promise<EnvironmentPair> {
  const seen = await readEnvironmentRow(tx, { project, environment: source })
  const other = await readEnvironmentRow(tx, { project, environment: target })
  const lock = ({ key }: { key: string }) => lockEnvironment(tx, { project, environment: key })
  if (seen.id < other.id) return { source: await lock(seen), target: await lock(other) }
  const locked = await lock(other)
  return { source: await lock(seen), target: locked }
}

function refuseStale({ source, target }: EnvironmentPair, { ifSource, ifTarget }: Promotion): void {
  for (const [row, expected] of [
    [source, ifSource],
    [target, ifTarget],
  ] as const)
    if (expected !== undefined && expected !== row.revision)
      throw new FlagError('stale', `Cannot promote: "${row.key}" is at revision ${row.revision}, not ${expected}`, {
        members: { environment: row.key, revision: Number(row.revision) },
      })
}

async function mergeFlags(
  tx: Transaction,
  pair: EnvironmentPair,
  { flags, state }: Promotion,
): Promise<readonly FlagMerge[]> {
  const keys = flags.map(({ flag }) => flag)
  const sources = await selectAll(tx, pair.source.id, keys)
  const targets = await selectAll(tx, pair.target.id, keys)
  const seen = new Set<string>()
  const mistakes = flags.flatMap(({ flag, remove }, index): Mistake[] => {
    const pointer = pointerTo('flags', String(index), 'flag')
    if (seen.size === seen.add(flag).size) return [{ pointer, message: `Flag "${flag}" is there twice` }]
    if (sources.has(flag) || (remove && targets.has(flag))) return []
    const isPresent = targets.has(flag) ? `; "remove" removes it from "${pair.target.key}"` : ''
    return [{ pointer, message: `Flag "${flag}" does not exist in "${pair.source.key}"${isPresent}` }]
  })
  if (mistakes.length > 0) throw new FlagError('invalid', 'Cannot promote the flags', { mistakes })
  const bases = await selectFlagBases(tx, pair, keys)
  return flags.map(({ flag, ...selection }) => {
    const sides = { source: sources.get(flag), target: targets.get(flag), base: bases.get(flag) }
    return { flag, ...mergeFlag(sides, selection, state) }
  })
}

type CarriedSegments = {
  readonly next: Readonly<Record<string, unknown>>
  readonly conflicts: readonly SegmentComparison[]
  /** What counts as carried afterwards. */
  readonly bases: Readonly<Record<string, unknown>>
}

/** The segments that the carried rules reach, and those that the caller names. */
async function segmentsFor(
  tx: Transaction,
  pair: EnvironmentPair,
  { promotion, merges }: { promotion: Promotion; merges: readonly FlagMerge[] },
): Promise<CarriedSegments> {
  const { resolveSegments } = promotion
  const { source, target } = pair
  const named = Object.keys(resolveSegments)
  const mistakes = named.flatMap((name): Mistake[] => {
    const isThere = Object.hasOwn(source.segments, name)
    if (isThere && !isReservedName(name)) return []
    const message = isThere
      ? `Segment "${name}" is generated: it is made anew in "${target.key}"`
      : `Segment "${name}" does not exist in "${source.key}"`
    return [{ pointer: pointerTo('resolveSegments', name), message }]
  })
  if (mistakes.length > 0) throw new FlagError('invalid', 'Cannot promote the segments', { mistakes })
  const rules = merges.filter(({ taken }) => taken.some(isOfRule)).map(({ next }) => next)
  const reached = promotion.segments === 'needed' ? segmentsReached(rules, source.segments) : []
  const names = [...new Set([...reached, ...named])].sort()
  if (names.length === 0) return { next: {}, conflicts: [], bases: {} }
  const base = await selectSegmentBases(tx, pair)
  const comparisons = compareSegments(names, { source: source.segments, target: target.segments, base })
  return {
    ...mergeSegments(comparisons, resolveSegments),
    bases: Object.fromEntries(comparisons.map(({ segment, source }) => [segment, source])),
  }
}

const isOfRule = (member: string): boolean => member === '' || /^\/(?:targeting|flagstaff)(?:\/|$)/.test(member)

/** Conflicts in one response. */
const CONFLICTS_MAX = 1_000

function refuseConflicts(merges: readonly FlagMerge[], segments: readonly SegmentComparison[]): void {
  const conflicts = [
    ...merges.flatMap(({ flag, conflicts }) => conflicts.map((one: MemberComparison) => ({ flag, ...placeOf(one) }))),
    ...segments.map(({ segment, verdict }) => ({ segment, verdict })),
  ]
  if (conflicts.length === 0) return
  const [one] = conflicts
  const first = one && 'flag' in one ? `"${one.member}" of flag "${one.flag}"` : `segment "${one?.segment}"`
  const more = conflicts.length > 1 ? ` and ${conflicts.length - 1} more` : ''
  throw new FlagError('needs_merge', `Cannot promote: ${first}${more} differ; resolve names the side to take`, {
    members: { conflicts: conflicts.slice(0, CONFLICTS_MAX), conflictCount: conflicts.length },
  })
}

const placeOf = ({ member, verdict }: MemberComparison) => ({ member, verdict })

/** The settings of the target with new segments; throws `invalid` for mistakes that these make in its other flags. */
async function settingsAfter(
  tx: Transaction,
  { target }: EnvironmentPair,
  { carried, segments }: { carried: ReadonlyMap<string, Definition | undefined>; segments: CarriedSegments['next'] },
) {
  if (Object.keys(segments).length === 0) return { changed: undefined, doubts: [] }
  const after = { ...target.segments, ...segments }
  const others = await selectAll(tx, target.id)
  for (const key of carried.keys()) others.delete(key)
  const { unfit, mistakes, doubts } = checkSegmentChange(target.segments, after, others)
  if (unfit.length + mistakes.length > 0)
    throw new FlagError('invalid', 'Cannot promote the segments: they, or flags that use them, have mistakes', {
      mistakes: [...unfit, ...mistakes],
    })
  return { changed: { segments: after, metadata: target.metadata }, doubts }
}
