import { useId, useState } from 'preact/hooks'
import { operatorCallOf } from '../../../../flag/rules/expression.ts'
import { Button } from '../../../parts/controls/button.tsx'
import * as field from '../../../parts/controls/field.module.css'
import { Scroller } from '../../../parts/display/scroller.tsx'
import { replaceSource } from '../../../rules/edits.ts'
import { print } from '../../../rules/print.ts'
import { type JsonPath, parseText } from '../../../rules/text.ts'
import * as css from './builder.module.css'
import { useRuleEditor } from './editor.ts'

/** A part without a visual form, as JSON. It can be edited in its place. */
export function AdvancedBlock({ path, value }: { path: JsonPath; value: unknown }) {
  const { apply, isReadOnly } = useRuleEditor()
  const [draft, setDraft] = useState<string>()
  const id = useId()
  const operator = operatorCallOf(value)?.operator
  const mistake = draft === undefined ? undefined : parseText(draft).mistakes[0]?.message
  if (draft === undefined)
    return (
      <div class={css.advanced}>
        <div class={css.advancedHead}>
          <span>Advanced: {operator === undefined ? 'JSON' : <code>{operator}</code>}</span>
          {!isReadOnly && (
            <Button size="small" kind="quiet" icon="braces" onClick={() => setDraft(print(value))}>
              Edit JSON
            </Button>
          )}
        </div>
        <Scroller label="JSON of this part">
          <pre>{print(value)}</pre>
        </Scroller>
      </div>
    )
  const save = () => {
    apply((text) => replaceSource(text, path, draft), 'advanced')
    setDraft(undefined)
  }
  return (
    <div class={css.advanced}>
      <textarea
        class={`${field.input} ${field.mono}`}
        rows={Math.min(20, draft.split('\n').length + 1)}
        aria-label="JSON of this part"
        aria-invalid={mistake !== undefined}
        aria-describedby={id}
        spellcheck={false}
        value={draft}
        onInput={({ currentTarget }) => setDraft(currentTarget.value)}
      />
      <p id={id} class={css.mistake}>
        {mistake}
      </p>
      <div class={css.buttons}>
        <Button size="small" onClick={save} disabled={mistake !== undefined}>
          Apply
        </Button>
        <Button size="small" kind="quiet" onClick={() => setDraft(undefined)}>
          Cancel
        </Button>
      </div>
    </div>
  )
}
