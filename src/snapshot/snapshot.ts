import type { FlagSet } from '../flag/flagset.ts'

/** What this replica believes about one environment. Immutable: a change makes a new one, so one answer never mixes two revisions. */
export type Snapshot = {
  /** `<project>/<environment>`. */
  readonly flagSetId: string
  readonly revision: bigint
  /** When the environment last changed, by the database's clock. */
  readonly changedAt: Date
  readonly flagSet: FlagSet
}
