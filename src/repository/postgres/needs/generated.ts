import { isDeepStrictEqual } from 'node:util'
import type { Definition, SegmentRules } from '../../../flag/definition.ts'
import { FlagError, type Mistake } from '../../../flag/error.ts'
import { flagSegment, groupSegment, holdoutSegment, isReservedName } from '../../../flag/needs/names.ts'
import { needsOf, segmentsOfFlags } from '../../../flag/needs/prerequisites.ts'
import { planIn } from '../../../flag/plan/pair.ts'
import { groupRule } from '../../../flag/shares/group.ts'
import { holdoutRule } from '../../../flag/shares/holdout.ts'
import type { Transaction } from '../database.ts'
import type { EnvironmentRow } from '../environments.ts'
import type { DefinitionDifference } from '../flag-rows.ts'
import { selectAll } from './all-definitions.ts'

type GeneratingWrite = {
  readonly changed: readonly DefinitionDifference[]
  readonly settings?: Pick<EnvironmentRow, 'segments' | 'metadata'> | undefined
  readonly pointer: (key: string) => string
  readonly strict?: boolean
}

/** Segments and metadata that are written, with warnings. */
type GeneratedSettings = {
  readonly settings: Pick<EnvironmentRow, 'segments' | 'metadata'> | undefined
  readonly warnings: readonly Mistake[]
}

/** The segments that are written by hand. */
export const writtenSegments = (segments: SegmentRules): SegmentRules =>
  Object.fromEntries(Object.entries(segments).filter(([name]) => !isReservedName(name)))

/** The segments that are made of flags, groups and holdouts. */
export const generatedSegments = (segments: SegmentRules): SegmentRules =>
  Object.fromEntries(Object.entries(segments).filter(([name]) => isReservedName(name)))

/** The segments of the groups and holdouts of an environment. */
const sharedSegments = ({ groups, holdouts }: Pick<EnvironmentRow, 'groups' | 'holdouts'>): SegmentRules => ({
  ...Object.fromEntries(Object.entries(groups).map(([name, group]) => [groupSegment(name), groupRule(group)])),
  ...Object.fromEntries(
    Object.entries(holdouts).map(([name, holdout]) => [holdoutSegment(name), holdoutRule(holdout)]),
  ),
})

/**
 * Keeps the generated segments of a locked environment true with a write: those of flags that others need, of groups and of holdouts. Fails
 * with `in_use` if a needed flag is removed, with `invalid` for prerequisites in a cycle, missing ones, and rules that cannot be needed.
 */
export async function withGenerated(
  tx: Transaction,
  environment: EnvironmentRow,
  write: GeneratingWrite,
): Promise<GeneratedSettings> {
  const { changed, settings } = write
  const before = settings?.segments ?? environment.segments
  if (!isGenerating(environment, { changed, segments: before })) return { settings, warnings: [] }
  const flags = await selectAll(tx, environment.id)
  for (const { key, after } of changed) {
    if (after) flags.set(key, after)
    else flags.delete(key)
  }
  const generated = generatedAfter(environment, { flags, changed, segments: before, pointer: write.pointer })
  const { segments, mistakes, missing } = generated
  refuse(write.strict === false ? mistakes : [...mistakes, ...missing])
  return { settings: settingsWith(environment, segments, settings), warnings: missing }
}

/** Definitions that change in an environment, and its segments, of which those that are written by hand may have changed. */
type SegmentSources = Pick<GeneratingWrite, 'changed'> & { readonly segments: SegmentRules }

/** Whether the environment has generated segments, or gets some. */
export function isGenerating(environment: EnvironmentRow, { changed, segments }: SegmentSources): boolean {
  const isNeeding = changed.some(({ after }) => needsOf(after).length > 0)
  const hasGenerated = [segments, environment.segments].some((rules) => Object.keys(rules).some(isReservedName))
  return isNeeding || hasGenerated || !isEmpty(environment.groups) || !isEmpty(environment.holdouts)
}

/**
 * All segments of an environment after a change, with the mistakes that it makes; `missing` ones may be allowed. `flags`: all of them afterwards.
 * Fails with `in_use` if a needed flag is removed.
 */
export function generatedAfter(
  environment: EnvironmentRow,
  change: SegmentSources & Pick<GeneratingWrite, 'pointer'> & { readonly flags: ReadonlyMap<string, Definition> },
): { readonly segments: SegmentRules; readonly mistakes: readonly Mistake[]; readonly missing: readonly Mistake[] } {
  const { flags, changed, segments: before, pointer } = change
  const written = { ...writtenSegments(before), ...sharedSegments(environment) }
  const { segments, mistakes, missing } = segmentsOfFlags({
    flags,
    segments: written,
    bucketing: environment.bucketing,
    changed: new Set(changed.map(({ key }) => key)),
    isShared: !isDeepStrictEqual(writtenSegments(before), writtenSegments(environment.segments)),
    pointer,
  })
  return {
    segments: { ...written, ...segments },
    mistakes,
    missing: [...missing, ...slotMistakes(environment, change)],
  }
}

const isEmpty = (record: object): boolean => Object.keys(record).length === 0

function refuse(mistakes: readonly Mistake[]): void {
  if (mistakes.length > 0)
    throw new FlagError('invalid', 'Cannot store the flags: their prerequisites have mistakes', { mistakes })
}

function settingsWith(
  environment: EnvironmentRow,
  segments: SegmentRules,
  settings: GeneratingWrite['settings'],
): GeneratingWrite['settings'] {
  if (settings) return { ...settings, segments }
  return isDeepStrictEqual(segments, environment.segments) ? undefined : { segments, metadata: environment.metadata }
}

/** Slots that their group does not have: their gates are closed. A missing group is a missing segment of the rule. */
function slotMistakes(
  { groups }: EnvironmentRow,
  { changed, pointer }: Pick<GeneratingWrite, 'changed' | 'pointer'>,
): Mistake[] {
  return changed.flatMap(({ key, after }) => {
    const { name, slot } = planIn(after)?.group ?? {}
    const group = name === undefined ? undefined : groups[name]
    if (group === undefined || group.ranges.some(({ owner }) => owner === slot)) return []
    return [{ pointer: `${pointer(key)}/flagstaff/group/slot`, message: `Group "${name}" has no slot "${slot}"` }]
  })
}

/** Whether another flag may need the flag: the environment has its segment. */
export const hasSegmentOf = ({ segments }: Pick<EnvironmentRow, 'segments'>, key: string): boolean =>
  Object.hasOwn(segments, flagSegment(key))
