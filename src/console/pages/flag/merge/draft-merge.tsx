import { useInfiniteQuery } from '@tanstack/preact-query'
import { explain } from '../../../../flag/explain/explain.ts'
import type { ExplainableFlag } from '../../../../flag/explain/trace.ts'
import { CODE_DEFAULT } from '../../../../flag/verbs.ts'
import { sayName } from '../../../rules/say.ts'
import { recentContexts } from '../explain/recent.ts'
import { type FlagPlace, historyQuery, type ReadDefinition } from '../queries.ts'
import type { DraftControl } from '../use-draft.ts'
import { DEFINITIONS } from './kinds.ts'
import { MergeDialog } from './merge-dialog.tsx'

type DraftMergeProps = {
  readonly place: FlagPlace
  readonly control: DraftControl
  readonly stored: ReadDefinition
  readonly protectedName: string | undefined
  /** What the definitions are explained with. */
  readonly scope: Omit<ExplainableFlag, 'key' | 'definition'>
  readonly onSave: (definition: unknown) => void
  readonly onClose: () => void
}

/** Merges the draft with what is stored: says who stored it, and what the last explained user would get. */
export function DraftMerge({ place, control, stored, protectedName, scope, onSave, onClose }: DraftMergeProps) {
  const history = useInfiniteQuery(historyQuery(place))
  const { base, text } = control.draft
  return (
    <MergeDialog
      kind={DEFINITIONS}
      base={base.text}
      mine={text}
      protectedName={protectedName}
      theirs={JSON.stringify(stored.definition)}
      actor={history.data?.pages[0]?.items[0]?.actor}
      explain={(definition) => outcomeFor(place, { ...scope, definition: definition as ExplainableFlag['definition'] })}
      onSave={(merged) => onSave(JSON.parse(merged))}
      onDiscard={() => control.restart(stored)}
      onClose={onClose}
    />
  )
}

/** What the user that was explained last gets; undefined if none was. */
function outcomeFor({ project, key }: FlagPlace, flag: Omit<ExplainableFlag, 'key'>): string | undefined {
  const [context] = recentContexts(project)
  if (!context) return undefined
  const { evaluation } = explain({ ...flag, key }, context, Math.floor(Date.now() / 1_000))
  const user = String(context['targetingKey'] ?? 'The last user')
  if (evaluation.reason === 'ERROR') return `${user}: the evaluation fails`
  const { variant } = evaluation
  return `${user} gets ${variant === undefined ? `the ${CODE_DEFAULT}` : sayName(variant)}`
}
