import type { ComponentChildren } from 'preact'
import * as css from './scroller.module.css'

type ScrollerProps = {
  /** Says what is in it, for assistive technology. */
  readonly label: string
  readonly class?: string | undefined
  readonly children: ComponentChildren
}

/** A frame that scrolls sideways, also by keyboard, where its content is wider. */
export const Scroller = ({ label, class: frame = '', children }: ScrollerProps) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: a frame that scrolls must be reachable by keyboard
  <section class={`${css.scroller} ${frame}`} aria-label={label} tabIndex={0}>
    {children}
  </section>
)
