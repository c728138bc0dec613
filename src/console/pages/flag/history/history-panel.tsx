import type { UseInfiniteQueryResult } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { changeSentences, sayAction } from '../../../diff/history.ts'
import { Button } from '../../../parts/controls/button.tsx'
import { LoadMore } from '../../../parts/controls/load-more.tsx'
import { Badge } from '../../../parts/display/badge.tsx'
import { DifferenceList, LineDifferences } from '../../../parts/display/differences.tsx'
import { Empty } from '../../../parts/display/empty.tsx'
import { Time } from '../../../parts/display/time.tsx'
import { print } from '../../../rules/print.ts'
import * as css from './history.module.css'

/** An entry of the history of a flag or segment, as the service lists it. */
type HistoryEntry = {
  readonly id: string
  readonly at: string
  readonly actor: string
  readonly subject: string
  readonly action: string
  readonly revision: number | null
  readonly before: unknown
  readonly after: unknown
  readonly comment: string
}

type HistoryPanelProps = {
  /** The query, whose pages have the newest entries first. */
  readonly history: UseInfiniteQueryResult<{ readonly pages: readonly { readonly items: readonly HistoryEntry[] }[] }>
  /** Stores the version that this entry made once more. Undefined for a viewer. */
  readonly onBringBack: ((entry: HistoryEntry) => void) | undefined
}

/** The versions of a flag or segment in one environment: who changed what, in sentences, and the way back. */
export function HistoryPanel({ history, onBringBack }: HistoryPanelProps) {
  const entries = history.data?.pages.flatMap(({ items }) => items) ?? []
  if (entries.length === 0)
    return (
      <Empty icon="clock" title="No change yet">
        Each change in this environment appears here, with who made it.
      </Empty>
    )
  return (
    <div class={css.panel}>
      <ol class={css.entries}>
        {entries.map((entry, index) => (
          <Entry key={entry.id} entry={entry} isCurrent={index === 0} onBringBack={onBringBack} />
        ))}
      </ol>
      <LoadMore {...history} />
    </div>
  )
}

type EntryProps = Pick<HistoryPanelProps, 'onBringBack'> & {
  readonly entry: HistoryEntry
  readonly isCurrent: boolean
}

function Entry({ entry, isCurrent, onBringBack }: EntryProps) {
  const [isOpen, setOpen] = useState(false)
  const { id, subject, action, actor, at, before, after, comment, revision } = entry
  const isRestorable = onBringBack && !isCurrent && subject === 'definition' && after !== null && revision !== null
  return (
    <li class={css.entry}>
      <header class={css.head}>
        <strong>{sayAction(action)}</strong>
        <span class={css.who}>
          by {actor}, <Time at={at} />
        </span>
        {isCurrent && <Badge tone="accent">Current version</Badge>}
        <span class={css.actions}>
          <Button
            size="small"
            kind="quiet"
            icon="braces"
            aria-expanded={isOpen}
            aria-controls={`json-${id}`}
            onClick={() => setOpen(!isOpen)}
          >
            JSON
          </Button>
          {isRestorable && (
            <Button
              size="small"
              icon="rollback"
              aria-label={`Bring back revision ${revision}`}
              onClick={() => onBringBack(entry)}
            >
              Bring back
            </Button>
          )}
        </span>
      </header>
      {comment !== '' && <p class={css.comment}>{comment}</p>}
      <DifferenceList differences={changeSentences(entry)} />
      <div id={`json-${id}`}>
        {isOpen && (
          <LineDifferences label={`JSON of revision ${revision ?? id}`} before={textOf(before)} after={textOf(after)} />
        )}
      </div>
    </li>
  )
}

const textOf = (value: unknown): string => (value === null || value === undefined ? '' : print(value))
