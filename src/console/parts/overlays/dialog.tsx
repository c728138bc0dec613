import type { ComponentChildren } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'
import { Button, IconButton } from '../controls/button.tsx'
import * as css from './dialog.module.css'

type DialogProps = {
  readonly title: string
  readonly onClose: () => void
  /** What Enter does: the content is a form. Its buttons stand in `actions`. */
  readonly onSubmit?: () => void
  readonly actions?: ComponentChildren
  readonly wide?: boolean
  readonly children: ComponentChildren
}

/** A modal dialog, open as long as it is rendered. Focus goes to the element with `autofocus`, and back to the opener at the end. */
export function Dialog({ title, onClose, onSubmit, actions, wide, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  useLayoutEffect(() => {
    const element = dialog.current
    element?.showModal()
    element?.querySelector<HTMLElement>('[data-autofocus]')?.focus()
    return () => element?.close()
  }, [])
  const submit = (event: Event) => {
    event.preventDefault()
    onSubmit?.()
  }
  return (
    <dialog
      ref={dialog}
      class={`${css.dialog} ${wide ? css.wide : ''}`}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
    >
      <form class={css.form} noValidate onSubmit={submit}>
        <header class={css.head}>
          <h2 id={id}>{title}</h2>
          <IconButton icon="close" label="Close" onClick={onClose} />
        </header>
        <div class={css.body}>{children}</div>
        {actions && <footer class={css.actions}>{actions}</footer>}
      </form>
    </dialog>
  )
}

type FormActionsProps = {
  readonly onCancel: () => void
  readonly cancel?: string
  readonly isDangerous?: boolean
  readonly isDisabled?: boolean
  /** Puts the focus on the action, where the form has no field. */
  readonly isFocused?: boolean
  /** What the form does: the word on its button. */
  readonly children: ComponentChildren
}

/** The buttons of a form in a dialog: it is left or submitted. */
export const FormActions = ({ onCancel, cancel = 'Cancel', children, ...action }: FormActionsProps) => (
  <>
    <Button kind="quiet" onClick={onCancel}>
      {cancel}
    </Button>
    <Button
      kind={action.isDangerous ? 'danger' : 'primary'}
      type="submit"
      disabled={action.isDisabled ?? false}
      data-autofocus={action.isFocused ? '' : undefined}
    >
      {children}
    </Button>
  </>
)
