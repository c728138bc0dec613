import type { Definition } from '../flag/definition.ts'
import { compileFlagSet, type FlagSet, patchFlagSet } from '../flag/flag-set.ts'
import type { EnvironmentSource, Version } from '../repository/postgres/load-environment.ts'

/**
 * What this replica believes about one environment. Immutable: a change makes a new one, and a request takes it once,
 * so one answer never mixes two revisions.
 */
export type Snapshot = Version & {
  /** `<project>/<environment>`. */
  readonly flagSetId: string
  /** When the environment last changed, by the database's clock. */
  readonly changedAt: Date
  /** `traceparent` of the change that led here; empty where its trace is not kept. */
  readonly changedIn: string
  readonly flagSet: FlagSet
}

/** Makes the next snapshot of an environment; compiles only what differs from `held`. */
export function nextSnapshot(flagSetId: string, source: EnvironmentSource, held: Snapshot | undefined): Snapshot {
  const { incarnation, id, revision, changedAt, changedIn, flags, settings } = source
  const version = { flagSetId, incarnation, id, revision, changedAt, changedIn }
  if (source.isUpdate && held) return { ...version, flagSet: patchFlagSet(held.flagSet, { flags, ...settings }) }
  const { segments, metadata, bucketing } = settings ?? { segments: {}, metadata: {}, bucketing: 'v2' as const }
  const live = new Map<string, Definition>()
  for (const [key, definition] of flags) if (definition) live.set(key, definition)
  return { ...version, flagSet: compileFlagSet({ flags: live, segments, metadata, bucketing }) }
}
