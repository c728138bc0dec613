import { useMemo, useState } from 'preact/hooks'
import type { Context } from '../../../../flag/definition.ts'
import { evaluate } from '../../../../flag/evaluate.ts'
import { compileWith, type ExplainableFlag } from '../../../../flag/explain/trace.ts'
import { CODE_DEFAULT } from '../../../../flag/verbs.ts'
import * as field from '../../../parts/controls/field.module.css'
import { CONTEXTS_MAX, parseContexts } from './context.ts'
import * as css from './explain.module.css'

/** Counts the variants that a pasted list of contexts gets. The list does not leave the browser. */
export function ManyContexts({ flag, now }: { flag: ExplainableFlag; now: number }) {
  const [text, setText] = useState('')
  const parsed = useMemo(() => (text.trim() === '' ? undefined : parseContexts(text)), [text])
  const counts = useMemo(
    () => (parsed && 'contexts' in parsed ? countVariants(flag, parsed.contexts, now) : undefined),
    [parsed, flag, now],
  )
  return (
    <details class={css.panelMore}>
      <summary>Many users at once</summary>
      <label class={css.field}>
        <span>Targeting keys, one a line, or contexts as JSON (at most {CONTEXTS_MAX})</span>
        <textarea
          class={`${field.input} ${field.mono}`}
          rows={5}
          spellcheck={false}
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      </label>
      {parsed && 'error' in parsed && (
        <p class={css.errorText} role="status">
          {parsed.error}
        </p>
      )}
      {counts && <Counts counts={counts} />}
    </details>
  )
}

/** Contexts by variant, most frequent first. */
type VariantCount = { readonly variant: string; readonly count: number }

/** Evaluates a flag for each context. Failures and the default in the code are counted under names of their own. */
function countVariants(flag: ExplainableFlag, contexts: readonly Context[], now: number): VariantCount[] {
  const compiled = compileWith(flag)
  const counts = new Map<string, number>()
  for (const context of contexts) {
    const evaluation = evaluate(compiled, context, now)
    const name =
      evaluation.reason === 'ERROR' ? `(${evaluation.errorCode})` : (evaluation.variant ?? `(${CODE_DEFAULT})`)
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return [...counts].map(([variant, count]) => ({ variant, count })).sort((one, other) => other.count - one.count)
}

function Counts({ counts }: { counts: readonly VariantCount[] }) {
  const total = counts.reduce((sum, { count }) => sum + count, 0)
  return (
    <table class={css.table}>
      <caption class="visuallyHidden">Users by variant</caption>
      <thead>
        <tr>
          <th scope="col">Variant</th>
          <th scope="col" class={css.number}>
            Users
          </th>
          <th scope="col" class={css.number}>
            Share
          </th>
        </tr>
      </thead>
      <tbody>
        {counts.map(({ variant, count }) => (
          <tr key={variant}>
            <td>{variant}</td>
            <td class={css.number}>{count.toLocaleString('en')}</td>
            <td class={css.number}>{Number(((100 * count) / total).toFixed(1))} %</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
