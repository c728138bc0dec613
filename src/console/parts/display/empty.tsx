import type { ComponentChildren } from 'preact'
import * as css from './empty.module.css'
import { Icon, type IconName } from './icon.tsx'

type EmptyProps = {
  readonly icon: IconName
  readonly title: string
  /** One sentence that says what the thing is for. */
  readonly children?: ComponentChildren
  readonly action?: ComponentChildren
}

/** What stands where there is nothing yet. */
export function Empty({ icon, title, children, action }: EmptyProps) {
  return (
    <div class={css.empty}>
      <span class={css.picture}>
        <Icon name={icon} size={22} />
      </span>
      <h2>{title}</h2>
      {children && <p class={css.text}>{children}</p>}
      {action && <div class={css.action}>{action}</div>}
    </div>
  )
}

/** Something is being loaded. It appears after a moment only, so that a fast answer does not flicker. */
export function Spinner({ label = 'Loading' }: { readonly label?: string }) {
  return (
    <div class={css.loading} role="status">
      <span class={css.spinner} />
      <span class="visuallyHidden">{label}</span>
    </div>
  )
}
