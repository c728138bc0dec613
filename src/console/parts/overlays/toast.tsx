import { signal } from '@preact/signals'
import { Button, IconButton } from '../controls/button.tsx'
import { Icon } from '../display/icon.tsx'
import * as css from './toast.module.css'

/** A message about what an action did. `undo` takes it back. */
type ToastMessage = {
  readonly id: number
  readonly text: string
  readonly isError: boolean
  readonly undo: (() => void) | undefined
}

const SHOWN_MS = 8_000
const TOASTS_MAX = 4
const toasts = signal<readonly ToastMessage[]>([])
const announcement = signal('')
let made = 0

/** Shows what an action did, for 8 s; an error until it is closed. It is read out as well. */
export function showToast(
  text: string,
  { undo, isError = false }: { readonly undo?: () => void; readonly isError?: boolean } = {},
): void {
  const id = ++made
  toasts.value = [...toasts.value, { id, text, isError, undo }].slice(-TOASTS_MAX)
  announce(text)
  if (!isError) setTimeout(() => closeToast(id), SHOWN_MS)
}

/** Has assistive technology read `text` out, when it has finished what it reads. */
export function announce(text: string): void {
  announcement.value = announcement.value === text ? `${text}\u00a0` : text
}

/** Takes back the last action whose message is still shown. */
export function undoLast(): void {
  const last = toasts.value.findLast(({ undo }) => undo !== undefined)
  if (!last) return
  closeToast(last.id)
  last.undo?.()
}

function closeToast(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id)
}

/** Where toasts appear; once in the shell. */
export function Toasts() {
  return (
    <>
      <p class="visuallyHidden" role="status" aria-live="polite">
        {announcement}
      </p>
      <section class={css.toasts} aria-label="Messages">
        {toasts.value.map((toast) => (
          <Toast key={toast.id} toast={toast} />
        ))}
      </section>
    </>
  )
}

function Toast({ toast: { id, text, isError, undo } }: { readonly toast: ToastMessage }) {
  const takeBack = () => {
    closeToast(id)
    undo?.()
  }
  return (
    <div class={`${css.toast} ${isError ? css.error : ''}`}>
      <Icon name={isError ? 'warning' : 'success'} />
      <span class={css.text}>{text}</span>
      {undo && (
        <Button size="small" kind="quiet" icon="undo" onClick={takeBack}>
          Undo
        </Button>
      )}
      <IconButton icon="close" label="Close the message" size={14} onClick={() => closeToast(id)} />
    </div>
  )
}
