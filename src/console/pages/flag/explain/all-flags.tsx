import { useState } from 'preact/hooks'
import type { Context } from '../../../../flag/definition.ts'
import { Button } from '../../../parts/controls/button.tsx'
import * as css from './explain.module.css'
import { valueText } from './words.ts'

/** How one flag evaluates, in short. */
export type ShortExplanation = {
  readonly key: string
  readonly variant: string | undefined
  readonly value: unknown
  readonly summary: string
}

type AllFlagsProps = {
  readonly context: Context
  /** Evaluates all flags of the environment as they are stored. */
  readonly explainAll: (context: Context) => Promise<readonly ShortExplanation[]>
  readonly linkTo: (flagKey: string) => string
}

/** The results of all flags of the environment for the same context. */
export function AllFlags({ context, explainAll, linkTo }: AllFlagsProps) {
  const [rows, setRows] = useState<readonly ShortExplanation[]>()
  const [error, setError] = useState<string>()
  const load = () => {
    setError(undefined)
    explainAll(context).then(setRows, (cause: unknown) =>
      setError(cause instanceof Error ? cause.message : String(cause)),
    )
  }
  return (
    <details class={css.panelMore}>
      <summary>All flags for this user</summary>
      <Button onClick={load}>{rows ? 'Evaluate again' : 'Evaluate all flags'}</Button>
      {error && (
        <p class={css.errorText} role="alert">
          {error}
        </p>
      )}
      {rows && (
        <div>
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
              {rows.map(({ key, variant, value, summary }) => (
                <tr key={key}>
                  <td>
                    <a href={linkTo(key)}>{key}</a>
                  </td>
                  <td title={valueText(value)}>{variant ?? '–'}</td>
                  <td class={css.muted}>{summary}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  )
}
