import { useState } from 'preact/hooks'
import type { Context, SegmentRules } from '../../../../flag/definition.ts'
import { Button } from '../../../parts/controls/button.tsx'
import * as field from '../../../parts/controls/field.module.css'
import { attributesIn, parseContext, typeOfAttribute, valueAt, valueOfInput, withValue } from './context.ts'
import * as css from './explain.module.css'

type ContextFormProps = {
  readonly context: Context
  readonly rule: unknown
  readonly segments: SegmentRules
  readonly missing: readonly string[]
  readonly onChange: (context: Context) => void
}

/** The context of one user, as fields for the attributes that the rules read, or as JSON. */
export function ContextForm(props: ContextFormProps) {
  const [isJson, setIsJson] = useState(false)
  return (
    <fieldset class={css.contextForm}>
      <legend>
        <span>User</span>
        <button type="button" class={css.link} aria-pressed={isJson} onClick={() => setIsJson(!isJson)}>
          {isJson ? 'Edit as form' : 'Edit as JSON'}
        </button>
      </legend>
      {isJson ? <ContextJson context={props.context} onChange={props.onChange} /> : <ContextFields {...props} />}
    </fieldset>
  )
}

function ContextFields({ context, rule, segments, missing, onChange }: ContextFormProps) {
  const own = Object.keys(context).filter((name) => typeof context[name] !== 'object' || context[name] === null)
  const attributes = [...new Set([...attributesIn(rule, segments), ...own])]
  return (
    <div class={css.contextFields}>
      {attributes.map((attribute) => {
        const value = valueAt(context, attribute)
        const isMissing = missing.includes(attribute)
        const type = typeOfAttribute([rule, segments], attribute)
        return (
          <label key={attribute} class={css.contextField} data-missing={isMissing || undefined}>
            <span>
              {attribute}
              {isMissing && <em> missing</em>}
            </span>
            <input
              type="text"
              class={field.input}
              value={value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)}
              inputMode={type === 'number' ? 'decimal' : undefined}
              placeholder={type === 'boolean' ? 'true or false' : 'not set'}
              autocomplete="off"
              spellcheck={false}
              onInput={({ currentTarget }) =>
                onChange(withValue(context, attribute, valueOfInput(currentTarget.value, type)))
              }
            />
          </label>
        )
      })}
      <NewAttribute onAdd={(name) => onChange(withValue(context, name, ''))} />
    </div>
  )
}

function NewAttribute({ onAdd }: { onAdd: (name: string) => void }) {
  const [name, setName] = useState('')
  const add = () => {
    if (name.trim() !== '') onAdd(name.trim())
    setName('')
  }
  return (
    <div class={css.contextNew}>
      <input
        type="text"
        class={field.input}
        aria-label="Name of another attribute"
        placeholder="Another attribute"
        value={name}
        onInput={({ currentTarget }) => setName(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') add()
        }}
      />
      <Button onClick={add} disabled={name.trim() === ''}>
        Add
      </Button>
    </div>
  )
}

function ContextJson({ context, onChange }: Pick<ContextFormProps, 'context' | 'onChange'>) {
  const [text, setText] = useState(() => JSON.stringify(context, null, 2))
  const parsed = parseContext(text)
  const error = 'error' in parsed ? parsed.error : undefined
  return (
    <div>
      <textarea
        class={`${field.input} ${field.mono}`}
        rows={6}
        aria-label="Context as JSON"
        aria-invalid={error !== undefined}
        aria-describedby="context-error"
        spellcheck={false}
        value={text}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value)
          const next = parseContext(currentTarget.value)
          if ('context' in next) onChange(next.context)
        }}
      />
      <p id="context-error" class={css.errorText} role="status">
        {error}
      </p>
    </div>
  )
}
