import type { ComponentChildren } from 'preact'
import { Scroller } from './scroller.tsx'
import * as css from './table.module.css'

type TableProps = {
  /** Says what the rows are, for assistive technology. */
  readonly label: string
  /** Headings of the columns; an empty text for a column of actions. */
  readonly columns: readonly string[]
  readonly children: ComponentChildren
}

/** A calm table: rows are `<tr>`, cells are `<td>`. On narrow screens it scrolls sideways within its frame. */
export function Table({ label, columns, children }: TableProps) {
  return (
    <Scroller class={css.frame} label={label}>
      <table class={css.table}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column || <span class="visuallyHidden">Actions</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </Scroller>
  )
}

/** A framed part of a page. */
export function Card({ title, actions, children }: CardProps) {
  return (
    <section class={css.card}>
      {(title || actions) && (
        <header class={css.cardHead}>
          {title && <h2>{title}</h2>}
          {actions && <div class={css.cardActions}>{actions}</div>}
        </header>
      )}
      {children}
    </section>
  )
}

type CardProps = {
  readonly title?: ComponentChildren
  readonly actions?: ComponentChildren
  readonly children: ComponentChildren
}
