import type { Definition } from '../../../flag/definition.ts'
import { possibleAnswers } from '../../../flag/stale/answers.ts'
import type { EnvironmentFacts, StaleFacts } from '../../../flag/stale/facts.ts'
import type { StaleThresholds } from '../../../flag/stale/thresholds.ts'
import type { FlagRow } from '../../../repository/postgres/flags.ts'
import type { MatrixCellRow, MatrixEnvironmentRow } from '../../../repository/postgres/overview/matrix.ts'

/** What the judgement of a cell depends on beside its flag. `now`: milliseconds since 1970. */
export type CellScope = {
  readonly environment: MatrixEnvironmentRow
  readonly thresholds: StaleThresholds
  readonly now: number
}

/** What a cell knows of its flag and its environment, for the same judgement as that of the list of stale flags. */
export function staleFactsOf(
  flag: FlagRow,
  { definition, changedAt, lastAt, recent, othersAt }: MatrixCellRow & { readonly definition: Definition },
  { environment: { key, segments, lastSyncAt }, now }: CellScope,
): [StaleFacts, EnvironmentFacts] {
  const facts = {
    environment: key,
    answers: possibleAnswers(definition, segments, Math.floor(now / 1_000)),
    isOn: false,
    changedAt,
    lastEvaluatedAt: lastAt,
    recentVariants: recent,
    otherVariantsAt: othersAt,
    isGrouped: false,
  }
  const environment = { key, isInUse: true, lastSyncAt: lastSyncAt?.getTime() ?? null, syncAgents: [] }
  return [
    {
      key: flag.key,
      createdAt: flag.createdAt.getTime(),
      isPermanent: flag.permanent,
      kind: flag.kind,
      expiresAt: flag.expiresAt?.getTime() ?? null,
      dismissedUntil: flag.staleDismissedUntil?.getTime() ?? null,
      environments: [facts],
      neededBy: [],
      code: undefined,
    },
    environment,
  ]
}
