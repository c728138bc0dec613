import type { ComponentChildren } from 'preact'
import * as css from './badge.module.css'
import { Icon, type IconName } from './icon.tsx'

type Tone = 'plain' | 'accent' | 'good' | 'warn' | 'bad'

type BadgeProps = {
  readonly tone?: Tone
  readonly icon?: IconName
  readonly title?: string
  readonly children: ComponentChildren
}

/** A word on a coloured ground. The word alone must say it: the colour only repeats it. */
export function Badge({ tone = 'plain', icon, title, children }: BadgeProps) {
  return (
    <span class={`${css.badge} ${TONES[tone]}`} title={title}>
      {icon && <Icon name={icon} size={12} />}
      {children}
    </span>
  )
}

const TONES = { plain: css.plain, accent: css.accent, good: css.good, warn: css.warn, bad: css.bad }
