import type { ComponentChildren, JSX } from 'preact'
import { useId } from 'preact/hooks'
import { Icon } from '../display/icon.tsx'
import * as css from './field.module.css'

type FieldLabels = {
  readonly label: string
  readonly hint?: ComponentChildren
  /** A mistake, which replaces the hint. */
  readonly error?: string | undefined
}
/** What the control of a field gets from its frame. */
type FieldControl = Pick<JSX.HTMLAttributes<HTMLElement>, 'id' | 'aria-invalid' | 'aria-describedby'>
type FieldFrameProps = FieldLabels & { readonly children: (control: FieldControl) => ComponentChildren }

/** A control below its label, and above its hint or mistake. */
function FieldFrame({ label, hint, error, children }: FieldFrameProps) {
  const id = useId()
  const note = `${id}-note`
  return (
    <div class={css.field}>
      <label for={id}>{label}</label>
      {children({ id, 'aria-invalid': error !== undefined, 'aria-describedby': note })}
      <p id={note} class={error === undefined ? css.hint : css.error} role={error === undefined ? undefined : 'alert'}>
        {error !== undefined && <Icon name="warning" size={14} />}
        {error ?? hint}
      </p>
    </div>
  )
}

type TextFieldProps = FieldLabels &
  Omit<JSX.InputHTMLAttributes<HTMLInputElement>, 'label'> & { readonly mono?: boolean }

/** A labelled line of text. */
export const TextField = ({ label, hint, error, mono, ...native }: TextFieldProps) => (
  <FieldFrame label={label} hint={hint} error={error}>
    {(control) => (
      <input type="text" autoComplete="off" spellcheck={!mono} {...native} {...control} class={inputClass(mono)} />
    )}
  </FieldFrame>
)

type TextAreaProps = FieldLabels &
  Omit<JSX.TextareaHTMLAttributes<HTMLTextAreaElement>, 'label'> & { readonly mono?: boolean }

/** A labelled text of several lines. */
export const TextArea = ({ label, hint, error, mono, ...native }: TextAreaProps) => (
  <FieldFrame label={label} hint={hint} error={error}>
    {(control) => <textarea rows={3} {...native} {...control} class={inputClass(mono)} />}
  </FieldFrame>
)

type SelectFieldProps = FieldLabels &
  Omit<JSX.SelectHTMLAttributes<HTMLSelectElement>, 'label'> & { readonly children: ComponentChildren }

/** A labelled native choice; its children are `<option>`. */
export const SelectField = ({ label, hint, error, children, ...native }: SelectFieldProps) => (
  <FieldFrame label={label} hint={hint} error={error}>
    {(control) => (
      <select {...native} {...control} class={css.input}>
        {children}
      </select>
    )}
  </FieldFrame>
)

const inputClass = (mono = false) => `${css.input} ${mono ? css.mono : ''}`

type CheckFieldProps = Omit<JSX.InputHTMLAttributes<HTMLInputElement>, 'label'> & { readonly label: ComponentChildren }

/** A box to tick with its label behind it. */
export function CheckField({ label, ...native }: CheckFieldProps) {
  return (
    <label class={css.check}>
      <input type="checkbox" {...native} />
      <span>{label}</span>
    </label>
  )
}

/** A mistake that belongs to no field; nothing without a text. */
export const FormError = ({ text }: { readonly text: string | undefined }) =>
  text === undefined ? null : (
    <p class={css.error} role="alert">
      <Icon name="warning" size={14} />
      {text}
    </p>
  )
