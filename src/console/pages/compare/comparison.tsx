import { type InfiniteData, useInfiniteQuery, useQuery } from '@tanstack/preact-query'
import { useMemo, useState } from 'preact/hooks'
import { sessionQuery } from '../../api/queries.ts'
import { LoadFailure } from '../../app/page.tsx'
import { LoadMore } from '../../parts/controls/load-more.tsx'
import { Empty, Spinner } from '../../parts/display/empty.tsx'
import { differingSegments, NO_PICKS, openChoices, selectionOf, withPick } from './choices.ts'
import * as css from './compare.module.css'
import { ComparedFlag } from './compared-flag.tsx'
import type { NamedPair } from './pair-choice.tsx'
import { PromoteBar } from './promote-bar.tsx'
import { PromoteDialog } from './promote-dialog.tsx'
import { type ComparisonPage, compareQuery } from './queries.ts'
import { SegmentChoices } from './segment-choices.tsx'

type ComparisonProps = { readonly pair: NamedPair; readonly project: string; readonly flag: string | undefined }

/** The flags that differ, and the way to promote those that are selected. */
export function Comparison({ pair, project, flag }: ComparisonProps) {
  const { source, target } = pair
  const { data: session } = useQuery(sessionQuery())
  const comparison = useInfiniteQuery(compareQuery({ project, source: source.key, target: target.key, flag }))
  const selection = useSelection(comparison.data)
  const { items, picks } = selection
  if (comparison.error) return <LoadFailure error={comparison.error} onRetry={() => void comparison.refetch()} />
  if (!comparison.data) return <Spinner />
  if (items.length === 0)
    return (
      <Empty icon="success" title="Nothing differs">
        {flag ?? 'Every flag'} is the same in {source.name} and {target.name}.
      </Empty>
    )
  const mayPromote = session !== undefined && session?.role !== 'viewer'
  return (
    <>
      <ul class={css.items} aria-label="Flags that differ">
        {items.map((item) => (
          <ComparedFlag
            key={item.flag}
            project={project}
            item={item}
            pair={pair}
            picks={picks.members[item.flag]}
            isSelected={selection.selected.has(item.flag)}
            onSelect={mayPromote ? (isOn) => selection.toggle([item.flag], isOn) : undefined}
            onPick={(member, side) => selection.setPicks(withPick(picks, item.flag, member, side))}
          />
        ))}
      </ul>
      <LoadMore {...comparison} />
      <Selected project={project} pair={pair} selection={selection} onStale={() => void comparison.refetch()} />
    </>
  )
}

type Selection = ReturnType<typeof useSelection>

/** Which flags are selected, and the sides that were chosen. */
function useSelection(comparison: InfiniteData<ComparisonPage> | undefined) {
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const [picks, setPicks] = useState(NO_PICKS)
  const items = useMemo(() => comparison?.pages.flatMap((page) => page.items) ?? [], [comparison])
  const chosen = items.filter((item) => selected.has(item.flag))
  const segments = differingSegments(chosen, comparison?.pages.flatMap((page) => page.segments) ?? [])
  const [first] = comparison?.pages ?? []
  return {
    items,
    selected,
    chosen,
    segments,
    picks,
    setPicks,
    seen: first && { ifSource: first.source.revision, ifTarget: first.target.revision },
    toggle: (keys: readonly string[], isOn: boolean) => {
      const rest = [...selected].filter((key) => !keys.includes(key))
      setSelected(new Set(isOn ? [...rest, ...keys] : rest))
    },
    clear: () => {
      setSelected(new Set())
      setPicks(NO_PICKS)
    },
  }
}

type SelectedProps = {
  readonly project: string
  readonly pair: NamedPair
  readonly selection: Selection
  readonly onStale: () => void
}

/** The bar of the selection, and its promotion. */
function Selected({ project, pair, selection, onStale }: SelectedProps) {
  const [isPromoting, setPromoting] = useState(false)
  const { items, chosen, segments, picks, setPicks, seen } = selection
  if (chosen.length === 0 || !seen) return null
  const done = () => {
    setPromoting(false)
    selection.clear()
  }
  return (
    <>
      <PromoteBar
        count={chosen.length}
        open={openChoices(chosen, segments, picks)}
        target={pair.target}
        onAll={
          chosen.length < items.length
            ? () =>
                selection.toggle(
                  items.map(({ flag }) => flag),
                  true,
                )
            : undefined
        }
        onClear={selection.clear}
        onPromote={() => setPromoting(true)}
      >
        <SegmentChoices
          segments={segments}
          pair={pair}
          picks={picks.segments}
          onPick={(name, side) => setPicks({ ...picks, segments: { ...picks.segments, [name]: side } })}
        />
      </PromoteBar>
      {isPromoting && (
        <PromoteDialog
          project={project}
          pair={pair}
          flags={chosen.map((item) => selectionOf(item, picks))}
          segments={picks.segments}
          seen={seen}
          onStale={onStale}
          onDone={done}
          onClose={() => setPromoting(false)}
        />
      )}
    </>
  )
}
