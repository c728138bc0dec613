import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { ApiError } from '../api/client.ts'
import { Button } from '../parts/controls/button.tsx'
import { Empty } from '../parts/display/empty.tsx'
import * as css from './page.module.css'

type PageProps = {
  /** The heading, and the title of the window. */
  readonly title: string
  /** What stands in place of the title as heading, where a text is not enough. */
  readonly heading?: ComponentChildren
  /** One sentence below the heading. */
  readonly lead?: ComponentChildren
  readonly actions?: ComponentChildren
  /** The page has the height of the window, and its content scrolls in itself. */
  readonly isFilled?: boolean
  readonly children: ComponentChildren
}

/** The frame of every page: one heading, its actions, then the content. */
export function Page({ title, heading, lead, actions, isFilled, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Flagstaff`
  }, [title])
  return (
    <div class={`${css.page} ${isFilled ? css.filled : ''}`}>
      <header class={css.head}>
        <div class={css.titles}>
          <h1>{heading ?? title}</h1>
          {lead && <p class={css.lead}>{lead}</p>}
        </div>
        {actions && <div class={css.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  )
}

/** Puts the focus on the content of the page, after the element that had it is gone. */
export function focusContent(): void {
  document.getElementById('content')?.focus({ preventScroll: true })
}

/** What stands in place of something that could not be loaded. */
export function LoadFailure({ error, onRetry }: { readonly error: Error; readonly onRetry?: () => void }) {
  const isMissing = error instanceof ApiError && error.status === 404
  const action = onRetry && !isMissing && (
    <Button icon="refresh" onClick={onRetry}>
      Try again
    </Button>
  )
  return (
    <Empty
      icon={isMissing ? 'help' : 'warning'}
      title={isMissing ? 'This does not exist' : 'This could not be loaded'}
      action={action}
    >
      {error.message}
    </Empty>
  )
}
