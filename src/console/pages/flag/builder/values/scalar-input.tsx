import { useEffect, useId, useState } from 'preact/hooks'
import * as field from '../../../../parts/controls/field.module.css'
import type { JsonScalar } from '../../../../rules/view.ts'
import * as css from '../builder.module.css'
import { convertScalar, type ScalarType, scalarOfText, textOfScalar, typeOfScalar } from './operators.ts'

type ScalarInputProps = {
  readonly label: string
  readonly value: JsonScalar
  /** Values of any type to choose from; those of the type of the value are offered. */
  readonly offered?: readonly JsonScalar[]
  readonly isReadOnly: boolean
  readonly onChange: (value: JsonScalar) => void
  /** Only values of this type are allowed, so that the type is not shown. */
  readonly fixedType?: ScalarType
}

/** One value with its type, so that the text "5" and the number 5 are told apart. */
export function ScalarInput({ label, value, offered = [], isReadOnly, onChange, fixedType }: ScalarInputProps) {
  const type = typeOfScalar(value)
  return (
    <span class={css.scalar}>
      {type === 'boolean' ? (
        <select
          class={field.input}
          aria-label={label}
          disabled={isReadOnly}
          value={String(value)}
          onChange={({ currentTarget }) => onChange(currentTarget.value === 'true')}
        >
          <option value="true">true</option>
          <option value="false">false</option>
        </select>
      ) : (
        <TypedText {...{ label, value, offered, type, isReadOnly, onChange }} />
      )}
      {!fixedType && (
        <TypeMenu
          label={`Type of ${label.toLowerCase()}`}
          type={type}
          isReadOnly={isReadOnly}
          onChange={(next) => onChange(convertScalar(value, next))}
        />
      )}
    </span>
  )
}

type TypedTextProps = Omit<Required<ScalarInputProps>, 'fixedType'> & { readonly type: ScalarType }

/** Keeps what was typed while it is no value of its type, such as "-" on the way to -1. */
function TypedText({ label, value, offered, type, isReadOnly, onChange }: TypedTextProps) {
  const list = useId()
  const [text, setText] = useState(textOfScalar(value))
  useEffect(() => {
    if (scalarOfText(text, type) !== value) setText(textOfScalar(value))
  }, [value, type])
  const isWrong = scalarOfText(text, type) === undefined
  return (
    <>
      <Offered id={list} values={offered} type={type} />
      <input
        type="text"
        class={field.input}
        list={offered.length > 0 ? list : undefined}
        aria-label={label}
        aria-invalid={isWrong}
        inputMode={type === 'number' ? 'decimal' : undefined}
        placeholder={type === 'null' ? 'null' : type === 'text' ? 'empty text' : '0'}
        disabled={isReadOnly || type === 'null'}
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value)
          const next = scalarOfText(currentTarget.value, type)
          if (next !== undefined) onChange(next)
        }}
        onBlur={() => isWrong && setText(textOfScalar(value))}
      />
    </>
  )
}

type OfferedProps = { readonly id: string; readonly values: readonly JsonScalar[]; readonly type: ScalarType }

/** The values that a field offers, as far as they have its type. */
export const Offered = ({ id, values, type }: OfferedProps) => (
  <datalist id={id}>
    {values.map((value) => typeOfScalar(value) === type && <option key={value} value={textOfScalar(value)} />)}
  </datalist>
)

type TypeMenuProps = {
  readonly label: string
  readonly type: ScalarType
  readonly isReadOnly: boolean
  readonly onChange: (type: ScalarType) => void
}

export function TypeMenu({ label, type, isReadOnly, onChange }: TypeMenuProps) {
  return (
    <select
      class={css.typeMenu}
      aria-label={label}
      disabled={isReadOnly}
      value={type}
      onChange={({ currentTarget }) => onChange(currentTarget.value as ScalarType)}
    >
      <option value="text">text</option>
      <option value="number">number</option>
      <option value="boolean">true/false</option>
      <option value="null">null</option>
    </select>
  )
}
