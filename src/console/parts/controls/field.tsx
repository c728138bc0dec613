import type { ComponentChildren, JSX } from 'preact'
import { useId } from 'preact/hooks'
import { Icon } from '../display/icon.tsx'
import * as css from './field.module.css'

type FieldFrame = {
  readonly label: string
  readonly hint?: ComponentChildren
  /** A mistake, which replaces the hint. */
  readonly error?: string | undefined
}
type TextFieldProps = FieldFrame &
  Omit<JSX.InputHTMLAttributes<HTMLInputElement>, 'label'> & { readonly mono?: boolean }

/** A labelled line of text. */
export function TextField({ label, hint, error, mono, ...native }: TextFieldProps) {
  const id = useId()
  return (
    <div class={css.field}>
      <label for={id}>{label}</label>
      <input
        type="text"
        autoComplete="off"
        spellcheck={!mono}
        {...native}
        id={id}
        class={`${css.input} ${mono ? css.mono : ''}`}
        aria-invalid={error !== undefined}
        aria-describedby={`${id}-note`}
      />
      <Note id={`${id}-note`} hint={hint} error={error} />
    </div>
  )
}

type SelectFieldProps = FieldFrame &
  Omit<JSX.SelectHTMLAttributes<HTMLSelectElement>, 'label'> & { readonly children: ComponentChildren }

/** A labelled native choice; its children are `<option>`. */
export function SelectField({ label, hint, error, children, ...native }: SelectFieldProps) {
  const id = useId()
  return (
    <div class={css.field}>
      <label for={id}>{label}</label>
      <select {...native} id={id} class={css.input} aria-describedby={`${id}-note`}>
        {children}
      </select>
      <Note id={`${id}-note`} hint={hint} error={error} />
    </div>
  )
}

type TextAreaProps = FieldFrame &
  Omit<JSX.TextareaHTMLAttributes<HTMLTextAreaElement>, 'label'> & { readonly mono?: boolean }

/** A labelled text of several lines. */
export function TextArea({ label, hint, error, mono, ...native }: TextAreaProps) {
  const id = useId()
  return (
    <div class={css.field}>
      <label for={id}>{label}</label>
      <textarea
        rows={3}
        {...native}
        id={id}
        class={`${css.input} ${mono ? css.mono : ''}`}
        aria-invalid={error !== undefined}
        aria-describedby={`${id}-note`}
      />
      <Note id={`${id}-note`} hint={hint} error={error} />
    </div>
  )
}

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

function Note({
  id,
  hint,
  error,
}: {
  readonly id: string
  readonly hint: ComponentChildren
  readonly error: string | undefined
}) {
  return (
    <p id={id} class={error === undefined ? css.hint : css.error} role={error === undefined ? undefined : 'alert'}>
      {error !== undefined && <Icon name="warning" size={14} />}
      {error ?? hint}
    </p>
  )
}
