import { useInfiniteQuery } from '@tanstack/preact-query'
import { LoadFailure } from '../../../app/page.tsx'
import { Spinner } from '../../../parts/display/empty.tsx'
import { type FlagPlace, historyQuery } from '../queries.ts'
import { HistoryPanel } from './history-panel.tsx'

type HistoryTabProps = {
  readonly place: FlagPlace
  /** Undefined where nothing may be written, and while there is a draft, which it would collide with. */
  readonly onBringBack: ((revision: number) => void) | undefined
}

/** The changes of the flag in this environment. */
export function HistoryTab({ place, onBringBack }: HistoryTabProps) {
  const history = useInfiniteQuery(historyQuery(place))
  if (history.error) return <LoadFailure error={history.error} onRetry={() => void history.refetch()} />
  if (!history.data) return <Spinner />
  const bringBack =
    onBringBack && (({ revision }: { readonly revision: number | null }) => revision !== null && onBringBack(revision))
  return <HistoryPanel history={history} onBringBack={bringBack} />
}
