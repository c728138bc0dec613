import { useQuery } from '@tanstack/preact-query'
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Context } from '../../../../flag/definition.ts'
import { explain } from '../../../../flag/explain/explain.ts'
import type { ExplainableFlag } from '../../../../flag/explain/trace.ts'
import { LoadFailure } from '../../../app/page.tsx'
import { paths } from '../../../app/paths.ts'
import { Spinner } from '../../../parts/display/empty.tsx'
import { definitionsQuery, type FlagPlace } from '../queries.ts'
import * as css from './explain.module.css'
import { valueText } from './words.ts'

/** Typing pauses for this long before thousands of flags are evaluated again. */
const SETTLE_MS = 200

type AllFlagsProps = {
  readonly place: FlagPlace
  /** What all flags of the environment share. */
  readonly scope: Pick<ExplainableFlag, 'segments' | 'metadata' | 'bucketing'>
  readonly context: Context
  /** Unix seconds. */
  readonly now: number
}

/** The results of all flags of the environment, as they are stored, for the same context. Their definitions are read when it opens. */
export function AllFlags(props: AllFlagsProps) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details class={css.panelMore} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>All flags for this user</summary>
      {isOpen && <Results {...props} />}
    </details>
  )
}

function Results({ place, scope, context, now }: AllFlagsProps) {
  const { data: definitions, error, refetch } = useQuery(definitionsQuery(place))
  const { segments, metadata, bucketing } = scope
  const question = useSettled(useMemo(() => ({ context, now }), [context, now]))
  const rows = useMemo(
    () =>
      Object.entries(definitions ?? {}).map(([key, definition]) =>
        explain({ key, definition, segments, metadata, bucketing }, question.context, question.now),
      ),
    [definitions, segments, metadata, bucketing, question],
  )
  if (error) return <LoadFailure error={error} onRetry={() => void refetch()} />
  if (!definitions) return <Spinner />
  return (
    <table class={css.table}>
      <caption class="visuallyHidden">Results of all flags</caption>
      <thead>
        <tr>
          <th scope="col">Flag</th>
          <th scope="col">Variant</th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ key, evaluation, summary }) => (
          <tr key={key}>
            <td>
              <a href={paths.flag(place.project, key, place.environment)}>{key}</a>
            </td>
            {evaluation.reason === 'ERROR' ? (
              <td>–</td>
            ) : (
              <td title={valueText(evaluation.value)}>{evaluation.variant ?? '–'}</td>
            )}
            <td class={css.muted}>{summary}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** `value` as it was when it last did not change for a moment. */
function useSettled<Value>(value: Value): Value {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), SETTLE_MS)
    return () => clearTimeout(timer)
  }, [value])
  return settled
}
