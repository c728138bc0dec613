import { useId, useState } from 'preact/hooks'
import * as field from '../../../../parts/controls/field.module.css'
import { Icon } from '../../../../parts/display/icon.tsx'
import type { JsonScalar } from '../../../../rules/view.ts'
import * as css from '../builder.module.css'
import { type ScalarType, scalarOfText, typeOfScalar } from './operators.ts'
import { Offered, TypeMenu } from './scalar-input.tsx'

type ListInputProps = {
  readonly label: string
  readonly values: readonly JsonScalar[]
  /** Values to choose from. */
  readonly offered?: readonly JsonScalar[]
  readonly isReadOnly: boolean
  readonly onChange: (values: readonly JsonScalar[]) => void
}

/** Several values as chips. Enter or a comma adds one, a pasted list adds all, Backspace in the empty field removes the last. */
export function ListInput({ label, values, offered = [], isReadOnly, onChange }: ListInputProps) {
  const list = useId()
  const [text, setText] = useState('')
  const [type, setType] = useState<ScalarType>(() => typeOfScalar(values.at(-1) ?? offered[0] ?? ''))
  const add = (typed: string) => {
    const added = typed
      .split(/[,\n]/)
      .map((part) => scalarOfText(part.trim(), type))
      .filter((value) => value !== undefined && value !== '')
    const fresh = added.filter((value) => value !== undefined && !values.includes(value)) as JsonScalar[]
    if (fresh.length > 0) onChange([...values, ...fresh])
    setText('')
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' || event.key === ',') {
      event.preventDefault()
      add(text)
    } else if (event.key === 'Backspace' && text === '' && values.length > 0) onChange(values.slice(0, -1))
  }
  return (
    <span class={css.listInput}>
      {values.map((value, index) => (
        <span key={`${typeof value}:${value}`} class={css.valueChip}>
          <span class={typeof value === 'string' ? '' : css.mono}>{value === '' ? '""' : String(value)}</span>
          {!isReadOnly && (
            <button
              type="button"
              class={css.chipButton}
              aria-label={`Remove ${String(value)}`}
              onClick={() => onChange(values.toSpliced(index, 1))}
            >
              <Icon name="close" size={12} />
            </button>
          )}
        </span>
      ))}
      {!isReadOnly && (
        <span class={css.scalar}>
          <Offered id={list} values={offered.filter((value) => !values.includes(value))} type={type} />
          <input
            type="text"
            class={field.input}
            list={offered.length > 0 ? list : undefined}
            aria-label={`${label}: add a value`}
            placeholder="Add a value"
            autocomplete="off"
            spellcheck={false}
            value={text}
            onInput={({ currentTarget: { value } }) => (/[,\n]/.test(value) ? add(value) : setText(value))}
            onKeyDown={onKeyDown}
            onBlur={() => text !== '' && add(text)}
          />
          <TypeMenu label="Type of new values" type={type} isReadOnly={false} onChange={setType} />
        </span>
      )}
    </span>
  )
}
