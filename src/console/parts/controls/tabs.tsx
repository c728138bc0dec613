import type { ComponentChildren } from 'preact'
import * as css from './tabs.module.css'

type Tab = { readonly id: string; readonly label: ComponentChildren; readonly href: string }

/** Tabs that are links, so that each has its URL; `current` is the id of the one that is open. */
export function Tabs({
  label,
  tabs,
  current,
}: {
  readonly label: string
  readonly tabs: readonly Tab[]
  readonly current: string
}) {
  return (
    <nav class={css.tabs} aria-label={label}>
      {tabs.map(({ id, label, href }) => (
        <a key={id} href={href} class={css.tab} aria-current={id === current ? 'page' : undefined}>
          {label}
        </a>
      ))}
    </nav>
  )
}
