import type { ComponentChildren, JSX } from 'preact'
import { Icon, type IconName } from '../display/icon.tsx'
import * as css from './button.module.css'

type Kind = 'plain' | 'primary' | 'danger' | 'quiet'
type NativeProps = Omit<JSX.ButtonHTMLAttributes<HTMLButtonElement>, 'icon' | 'label'>
type ButtonProps = NativeProps & {
  readonly kind?: Kind
  readonly size?: 'small' | 'normal'
  readonly icon?: IconName
  readonly children?: ComponentChildren
}

/** A button with a word. At most one of a page or dialog is `primary`. */
export function Button({ kind = 'plain', size = 'normal', icon, children, ...native }: ButtonProps) {
  return (
    <button type="button" {...native} class={`${css.button} ${KINDS[kind]} ${size === 'small' ? css.small : ''}`}>
      {icon && <Icon name={icon} size={size === 'small' ? 14 : 16} />}
      {children}
    </button>
  )
}

type IconButtonProps = NativeProps & { readonly icon: IconName; readonly label: string; readonly size?: number }

/** A button with an icon alone. `label` is its name and its tooltip. */
export function IconButton({ icon, label, size = 16, ...native }: IconButtonProps) {
  return (
    <button type="button" aria-label={label} title={label} {...native} class={`${css.button} ${css.iconOnly}`}>
      <Icon name={icon} size={size} />
    </button>
  )
}

type LinkButtonProps = {
  readonly href: string
  readonly kind?: Kind
  readonly icon?: IconName
  readonly children: ComponentChildren
}

/** A link that looks like a button, where the action is to go to another page. */
export function LinkButton({ href, kind = 'plain', icon, children }: LinkButtonProps) {
  return (
    <a href={href} class={`${css.button} ${KINDS[kind]}`}>
      {icon && <Icon name={icon} />}
      {children}
    </a>
  )
}

const KINDS = { plain: css.plain, primary: css.primary, danger: css.danger, quiet: css.quiet }
