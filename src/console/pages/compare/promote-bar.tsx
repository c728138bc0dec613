import type { ComponentChildren } from 'preact'
import { Button } from '../../parts/controls/button.tsx'
import type { ListedEnvironment } from '../flag/queries.ts'
import * as css from './compare.module.css'

type PromoteBarProps = {
  readonly count: number
  /** How many choices are still to be made. */
  readonly open: number
  readonly target: ListedEnvironment
  /** Undefined if all are selected. */
  readonly onAll: (() => void) | undefined
  readonly onClear: () => void
  readonly onPromote: () => void
  /** Choices that belong to no flag alone. */
  readonly children: ComponentChildren
}

/** How many flags are selected, and the way to promote them. */
export function PromoteBar({ count, open, target, onAll, onClear, onPromote, children }: PromoteBarProps) {
  return (
    <section class={css.bar} aria-label="Selected flags">
      {children}
      <div class={css.barRow}>
        <p role="status">
          <strong>{count === 1 ? '1 flag selected' : `${count} flags selected`}</strong>
          {open > 0 && <span class={css.open}>{open === 1 ? '1 choice is open' : `${open} choices are open`}</span>}
        </p>
        <div class={css.barActions}>
          <Button kind="quiet" onClick={onClear}>
            Clear
          </Button>
          {onAll && <Button onClick={onAll}>Select all</Button>}
          <Button kind="primary" icon="arrow" disabled={open > 0} onClick={onPromote}>
            Promote to {target.name}
          </Button>
        </div>
      </div>
    </section>
  )
}
