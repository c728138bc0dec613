import type { Wording } from '../rules/say.ts'
import type { DifferenceSentence } from './conditions.ts'
import { definitionDifferences, propertyDifferences, segmentDifferences } from './differences.ts'

/** An entry of the record of changes, as far as its sentences need it. */
type RecordedChange = {
  readonly subject: string
  readonly action: string
  readonly before: unknown
  readonly after: unknown
}

const VERBS: Readonly<Record<string, string>> = {
  create: 'Created',
  update: 'Changed',
  delete: 'Deleted',
  rename: 'Renamed',
  archive: 'Archived',
  restore: 'Restored',
  rollback: 'Brought back',
  revoke: 'Revoked',
}

/** What a change did, as one word or two: "Changed", "Brought back". */
export const sayAction = (action: string): string => VERBS[action] ?? action

/** What a change changed, in sentences; none for a change without visible effect. */
export function changeSentences(
  { subject, action, before, after }: RecordedChange,
  wording: Wording = {},
): DifferenceSentence[] {
  if (subject === 'definition') return definitionDifferences(before, after, wording)
  return subject === 'segment' && action !== 'rename'
    ? segmentDifferences(before, after, wording)
    : propertyDifferences(before, after)
}
