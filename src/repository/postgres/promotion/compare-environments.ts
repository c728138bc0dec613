import { compareFlag, type FlagComparison, type MemberComparison } from '../../../flag/compare/compare-flag.ts'
import { compareSegments, type SegmentComparison, segmentsReached } from '../../../flag/compare/segments.ts'
import type { Definition } from '../../../flag/definition.ts'
import { FlagError } from '../../../flag/error.ts'
import { neededKeys } from '../../../flag/needs/prerequisites.ts'
import type { Database, Transaction } from '../database.ts'
import { readEnvironmentRow } from '../environments.ts'
import { selectAll } from '../needs/all-definitions.ts'
import { type EnvironmentPair, type FlagBase, selectFlagBases, selectSegmentBases } from './bases.ts'

/** Two environments of a project, by key. */
export type PairName = { readonly project: string; readonly source: string; readonly target: string }

export type ComparisonFilter = {
  /** Keys of flags; undefined: all. */
  readonly flags: readonly string[] | undefined
  readonly onlyDifferent: boolean
  readonly after: string
  readonly limit: number
}

/** A flag in both environments; `members` are those that differ. */
export type ComparedFlag = Omit<FlagComparison, 'members'> & {
  readonly flag: string
  readonly base: FlagBase | undefined
  readonly members: readonly MemberComparison[]
  /** Segments that the rule of the source reaches and that differ. */
  readonly segments: readonly string[]
  /** Keys of the flags that the source's flag needs. */
  readonly needs: readonly string[]
}

export type EnvironmentComparison = {
  readonly revisions: { readonly source: number; readonly target: number }
  readonly items: readonly ComparedFlag[]
  /** The segments that the flags name. */
  readonly segments: readonly SegmentComparison[]
  readonly next: string | null
}

/** Flags whose bases are read together. */
const BATCH = 1_000

/** Compares two environments flag by flag, in the order of the flags' keys. Fails with `not_found` or `invalid`. */
export function compareEnvironments(
  database: Database,
  name: PairName,
  filter: ComparisonFilter,
): Promise<EnvironmentComparison> {
  refuseSame(name)
  return database.read((db) =>
    db.transaction((tx) => compareIn(tx, name, filter), { isolationLevel: 'repeatable read', accessMode: 'read only' }),
  )
}

/** Fails with `invalid` if source and target are one environment. */
export function refuseSame({ source, target }: PairName): void {
  if (source === target) throw new FlagError('invalid', `Source and target are the same environment, "${source}"`)
}

async function compareIn(tx: Transaction, name: PairName, filter: ComparisonFilter): Promise<EnvironmentComparison> {
  const { project } = name
  const source = await readEnvironmentRow(tx, { project, environment: name.source })
  const target = await readEnvironmentRow(tx, { project, environment: name.target })
  const sides = {
    source: await selectAll(tx, source.id, filter.flags),
    target: await selectAll(tx, target.id, filter.flags),
  }
  const keys = [...new Set([...sides.source.keys(), ...sides.target.keys()])]
    .filter((key) => key > filter.after)
    .sort((one, other) => (one < other ? -1 : 1))
  const pair = { source, target }
  const segmentsIn = await segmentComparer(tx, pair)
  const items: ComparedFlag[] = []
  for (let at = 0; at < keys.length && items.length < filter.limit; at += BATCH)
    for (const item of await compareBatch(tx, pair, { keys: keys.slice(at, at + BATCH), ...sides, segmentsIn }))
      if (items.length < filter.limit && (item.status !== 'equal' || item.segments.length > 0 || !filter.onlyDifferent))
        items.push(item)
  const isFull = items.length === filter.limit
  return {
    revisions: { source: Number(source.revision), target: Number(target.revision) },
    items,
    segments: segmentsIn.all([...new Set(items.flatMap(({ segments }) => segments))]),
    next: isFull ? (items.at(-1)?.flag ?? null) : null,
  }
}

type SegmentComparer = {
  /** Names of the segments that the rule of a definition reaches in the source and that differ. */
  readonly of: (definition: Definition | undefined) => string[]
  readonly all: (names: readonly string[]) => SegmentComparison[]
}

async function segmentComparer(tx: Transaction, pair: EnvironmentPair): Promise<SegmentComparer> {
  const { source, target } = pair
  const base = await selectSegmentBases(tx, pair)
  const sides = { source: source.segments, target: target.segments, base }
  const comparisons = compareSegments(Object.keys(source.segments), sides)
  const different = new Map(
    comparisons.filter(({ verdict }) => verdict !== 'equal').map((comparison) => [comparison.segment, comparison]),
  )
  return {
    of: (definition) => segmentsReached([definition], source.segments).filter((name) => different.has(name)),
    all: (names) => names.flatMap((name) => different.get(name) ?? []),
  }
}

async function compareBatch(
  tx: Transaction,
  pair: EnvironmentPair,
  batch: {
    readonly keys: readonly string[]
    readonly source: ReadonlyMap<string, Definition>
    readonly target: ReadonlyMap<string, Definition>
    readonly segmentsIn: SegmentComparer
  },
): Promise<ComparedFlag[]> {
  const bases = await selectFlagBases(tx, pair, batch.keys)
  return batch.keys.map((flag) => {
    const [source, target, base] = [batch.source.get(flag), batch.target.get(flag), bases.get(flag)]
    const { status, members } = compareFlag({ source, target, base })
    const different = members.filter(({ verdict }) => verdict !== 'equal')
    return { flag, status, base, members: different, segments: batch.segmentsIn.of(source), needs: neededKeys(source) }
  })
}
