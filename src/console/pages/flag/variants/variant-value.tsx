import { useEffect, useState } from 'preact/hooks'
import * as field from '../../../parts/controls/field.module.css'
import { print } from '../../../rules/print.ts'
import { setVariant } from '../../../rules/variants.ts'
import { useRuleEditor } from '../builder/editor.ts'
import type { ValueType } from '../queries.ts'
import * as css from './variants.module.css'

type VariantValueProps = { readonly name: string; readonly value: unknown; readonly type: ValueType }

/** The value of a variant, in the form of its type. */
export function VariantValue({ name, value, type }: VariantValueProps) {
  const { apply, isReadOnly } = useRuleEditor()
  const change = (next: unknown) => apply((text) => setVariant(text, name, next), `value of ${name}`)
  const label = `Value of variant ${name}`
  if (type === 'boolean' && typeof value === 'boolean')
    return (
      <select
        class={`${field.input} ${css.value}`}
        aria-label={label}
        disabled={isReadOnly}
        value={String(value)}
        onChange={({ currentTarget }) => change(currentTarget.value === 'true')}
      >
        <option value="true">true</option>
        <option value="false">false</option>
      </select>
    )
  if (type === 'string' && typeof value === 'string')
    return (
      <textarea
        class={`${field.input} ${css.value}`}
        aria-label={label}
        rows={value.includes('\n') ? 4 : 1}
        disabled={isReadOnly}
        value={value}
        onInput={({ currentTarget }) => change(currentTarget.value)}
      />
    )
  return (
    <JsonValue label={label} value={value} isNumber={type === 'number'} isReadOnly={isReadOnly} onChange={change} />
  )
}

type JsonValueProps = {
  readonly label: string
  readonly value: unknown
  readonly isNumber: boolean
  readonly isReadOnly: boolean
  readonly onChange: (value: unknown) => void
}

/** A number, or JSON. What is typed is kept while it is neither. */
function JsonValue({ label, value, isNumber, isReadOnly, onChange }: JsonValueProps) {
  const [text, setText] = useState(() => print(value))
  useEffect(() => {
    if (JSON.stringify(parsed(text)) !== JSON.stringify(value)) setText(print(value))
  }, [value])
  const now = parsed(text)
  return (
    <textarea
      class={`${field.input} ${field.mono} ${css.value}`}
      aria-label={label}
      aria-invalid={now === undefined || (isNumber && typeof now !== 'number')}
      rows={isNumber ? 1 : Math.min(12, text.split('\n').length)}
      inputMode={isNumber ? 'decimal' : undefined}
      spellcheck={false}
      disabled={isReadOnly}
      value={text}
      onInput={({ currentTarget }) => {
        setText(currentTarget.value)
        const next = parsed(currentTarget.value)
        if (next !== undefined && (!isNumber || typeof next === 'number')) onChange(next)
      }}
    />
  )
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
