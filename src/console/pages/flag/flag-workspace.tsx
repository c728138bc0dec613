import { useInfiniteQuery } from '@tanstack/preact-query'
import { useMemo, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import type { ExplainableFlag } from '../../../flag/explain/trace.ts'
import { definitionDifferences } from '../../diff/differences.ts'
import type { Draft } from '../../draft/draft.ts'
import { Tabs } from '../../parts/controls/tabs.tsx'
import { movesBetween, sayMoves } from '../../rules/moves.ts'
import { applyEdits } from '../../rules/text.ts'
import type { EditOf } from './builder/editor.ts'
import { ExplainPanel } from './explain/explain-panel.tsx'
import * as css from './flag.module.css'
import { FLAG_TABS, TabContent, tabsOf } from './flag-tabs.tsx'
import { mistakesIn } from './json/mistakes.ts'
import { lazyPart } from './lazy-part.tsx'
import {
  type FlagPlace,
  historyQuery,
  type ListedEnvironment,
  type ReadDefinition,
  type RuleWords,
  type ValueType,
} from './queries.ts'
import { SaveBar } from './save/save-bar.tsx'
import { useSave } from './save/use-save.ts'
import { type DraftControl, useDraft } from './use-draft.ts'

const DraftMerge = lazyPart(async () => (await import('./merge/draft-merge.tsx')).DraftMerge)

type FlagWorkspaceProps = {
  readonly place: FlagPlace
  readonly stored: ReadDefinition
  readonly words: RuleWords
  readonly environment: ListedEnvironment
  readonly type: ValueType
  readonly protectedName: string | undefined
  readonly isReadOnly: boolean
}

/** The definition of one flag in one environment: its tabs on one draft, the explanation beside it, and the bar that saves. */
export function FlagWorkspace(props: FlagWorkspaceProps) {
  const { place, stored, words, environment, protectedName, isReadOnly } = props
  const { query } = useLocation()
  const tab = FLAG_TABS.find(([id]) => id === query['tab'])?.[0] ?? 'rules'
  const work = useWork(place, stored)
  const { control, isMerging, setMerging, store, isSaving } = work
  const [selected, setSelected] = useState<string>()
  const { text, base } = control.draft
  const mistakes = useMemo(() => mistakesIn(text, words.segments), [text, words.segments])
  const explain = <Explain {...props} control={control} onSelect={setSelected} />
  const foreign = useForeignChange(place, stored, control)
  const onBringBack = isReadOnly || control.isDirty ? undefined : work.bringBack
  const confirmedName = control.isDirty ? undefined : protectedName
  return (
    <>
      <Tabs label="Parts of the flag" current={tab} tabs={tabsOf(place)} />
      <div class={css.columns} data-tab={tab}>
        <div class={css.main}>
          {tab === 'explain' ? (
            explain
          ) : (
            <TabContent
              {...props}
              {...{ tab, control, mistakes, selected, onBringBack, confirmedName, onSwitch: work.onSwitch }}
            />
          )}
          {control.isDirty && !isReadOnly && (
            <SaveBar
              control={control}
              differences={control.view && definitionDifferences(JSON.parse(base.text), control.definition)}
              effect={movesText(control.draft)}
              protectedName={protectedName}
              mistakes={mistakes}
              isSaving={isSaving}
              foreign={foreign}
              onSave={(comment) => void store(control.definition, base.etag, comment)}
              onDiscard={() => control.restart(stored)}
              onMerge={() => setMerging(true)}
            />
          )}
        </div>
        {tab === 'rules' && <aside class={css.side}>{explain}</aside>}
      </div>
      {isMerging && stored.etag !== base.etag && (
        <DraftMerge
          place={place}
          control={control}
          stored={stored}
          protectedName={protectedName}
          scope={{ segments: words.segments, metadata: environment.metadata, bucketing: environment.bucketing }}
          onSave={(merged) => void store(merged, stored.etag, '')}
          onClose={() => setMerging(false)}
        />
      )}
    </>
  )
}

/** What others stored since the draft was begun. */
function useForeignChange(place: FlagPlace, stored: ReadDefinition, { draft: { base }, isOutdated }: DraftControl) {
  const { data } = useInfiniteQuery({ ...historyQuery(place), enabled: isOutdated })
  const differences = useMemo(
    () => definitionDifferences(JSON.parse(base.text), stored.definition),
    [base.text, stored.definition],
  )
  return { change: data?.pages[0]?.items[0], differences }
}

function movesText({ base, text }: Draft): string {
  const moves = movesBetween(base.text, text)
  if (!moves) return 'The text is no JSON'
  const sentence = sayMoves(moves)
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`
}

/** The draft with the ways to store it. A save that met another change opens the merge. */
function useWork(place: FlagPlace, stored: ReadDefinition) {
  const control = useDraft(place, stored)
  const [isMerging, setMerging] = useState(false)
  const { save, bringBack, isSaving } = useSave(place, () => setMerging(true))
  const store = async (definition: unknown, etag: string | undefined, comment: string) => {
    const next = await save({ definition, etag, comment })
    if (!next) return
    control.restart(next)
    setMerging(false)
  }
  /** A switch acts at once, unless there is a draft: then it is a part of that. */
  const onSwitch = (edit: EditOf, did: string) => {
    if (control.isDirty) return control.apply(edit, 'switch')
    const definition: unknown = JSON.parse(applyEdits(control.draft.text, edit(control.draft.text)))
    void save({ definition, etag: stored.etag, comment: '', did, undo: stored.definition })
  }
  return {
    control,
    onSwitch,
    isMerging,
    setMerging,
    store,
    isSaving,
    bringBack: (revision: number) => void bringBack(revision, stored.etag),
  }
}

type ExplainProps = FlagWorkspaceProps & {
  readonly control: DraftControl
  readonly onSelect: (pointer: string) => void
}

function Explain({ place, words, environment, control, onSelect }: ExplainProps) {
  const { definition } = control
  const { segments } = words
  const { bucketing, metadata } = environment
  const flag: ExplainableFlag = useMemo(
    () => ({ key: place.key, definition, segments, metadata, bucketing }),
    [place.key, definition, segments, metadata, bucketing],
  )
  return <ExplainPanel place={place} flag={flag} isDraft={control.isDirty} onSelect={onSelect} />
}
