import { useInfiniteQuery, useQueryClient } from '@tanstack/preact-query'
import { useCallback, useMemo, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { ApiError } from '../../api/client.ts'
import { refreshProject } from '../../api/queries.ts'
import { LoadFailure } from '../../app/page.tsx'
import { paths } from '../../app/paths.ts'
import { segmentDifferences } from '../../diff/differences.ts'
import { Tabs } from '../../parts/controls/tabs.tsx'
import { Spinner } from '../../parts/display/empty.tsx'
import { showToast } from '../../parts/overlays/toast.tsx'
import { type JsonPath, parseText, pathAtPointer } from '../../rules/text.ts'
import { isWithin } from '../flag/builder/editor.ts'
import { SegmentBuilder } from '../flag/builder/segment-builder.tsx'
import { JsonTab } from '../flag/flag-tabs.tsx'
import { segmentMistakesIn, type TextMistake } from '../flag/json/mistakes.ts'
import { lazyPart } from '../flag/lazy-part.tsx'
import { SEGMENTS } from '../flag/merge/kinds.ts'
import type { RuleWords } from '../flag/queries.ts'
import { SaveBar } from '../flag/save/save-bar.tsx'
import { useParsed } from '../flag/use-draft.ts'
import { type TextDraft, useTextDraft } from '../flag/use-text-draft.ts'
import { type SegmentPath, saveSegment, segmentHistoryQuery, segmentQuery } from './queries.ts'
import * as css from './segments.module.css'
import { sayRuleText } from './sentence.ts'

const HistoryPanel = lazyPart(async () => (await import('../flag/history/history-panel.tsx')).HistoryPanel)
const MergeDialog = lazyPart(async () => (await import('../flag/merge/merge-dialog.tsx')).MergeDialog)

/** A rule as text of JSON, with its ETag. */
type StoredRule = { readonly text: string; readonly etag: string | undefined }

type RuleWorkspaceProps = {
  readonly path: SegmentPath
  readonly stored: StoredRule
  readonly words: RuleWords
  /** How many flags use the segment. */
  readonly flags: number
  readonly protectedName: string | undefined
  readonly isReadOnly: boolean
}

/** The rule of a segment, in the builder or as JSON on one draft, and the bar that saves it. */
export function RuleWorkspace({ path, stored, words, flags, protectedName, isReadOnly }: RuleWorkspaceProps) {
  const { control, rule, store, isSaving, isMerging, setMerging } = useWork(path, stored)
  const { text, base } = control.draft
  const history = useInfiniteQuery({ ...segmentHistoryQuery(path), enabled: control.isOutdated })
  const change = history.data?.pages[0]?.items[0]
  const check = useCallback((now: string) => segmentMistakesIn(now, path.name, words.segments), [path.name, words])
  const mistakes = useMemo(() => check(text), [check, text])
  const isJson = parseText(text).root !== undefined
  return (
    <div class={css.form}>
      <p class={css.says}>{isJson ? sayRuleText(text) : 'The text is no JSON yet'}</p>
      <RuleViews {...{ path, words, control, check, mistakes, isReadOnly }} />
      {control.isDirty && !isReadOnly && (
        <SaveBar
          control={control}
          differences={isJson ? segmentDifferences(JSON.parse(base.text), rule) : undefined}
          effect={sayEffect(flags)}
          protectedName={protectedName}
          mistakes={mistakes}
          isSaving={isSaving}
          onSave={(comment) => void store(rule, base.etag, comment)}
          onDiscard={() => control.begin(stored)}
          foreign={{ change, differences: segmentDifferences(JSON.parse(base.text), JSON.parse(stored.text)) }}
          onMerge={() => setMerging(true)}
        />
      )}
      {isMerging && control.isOutdated && (
        <MergeDialog
          kind={SEGMENTS}
          base={base.text}
          mine={text}
          theirs={stored.text}
          protectedName={protectedName}
          actor={change?.actor}
          onSave={(merged) => void store(JSON.parse(merged), stored.etag, '')}
          onDiscard={() => control.begin(stored)}
          onClose={() => setMerging(false)}
        />
      )}
    </div>
  )
}

type RuleViewsProps = Pick<RuleWorkspaceProps, 'path' | 'words' | 'isReadOnly'> & {
  readonly control: TextDraft
  readonly check: (text: string) => readonly TextMistake[]
  readonly mistakes: readonly TextMistake[]
}

/** The builder, the JSON editor and the history, one of them open. */
function RuleViews({ path, words, control, check, mistakes, isReadOnly }: RuleViewsProps) {
  const { query } = useLocation()
  const tab = TABS.find(({ id }) => id === query['tab'])?.id ?? 'rule'
  const { text } = control.draft
  const { attributes, values } = words
  const segments = useMemo(() => others(words.segments, path.name), [words.segments, path.name])
  return (
    <>
      <Tabs label="Views of the rule" current={tab} tabs={tabsOf(path)} />
      {tab === 'history' && <History path={path} />}
      {tab === 'json' && (
        <JsonTab
          label="Rule as JSON"
          control={control}
          check={check}
          words={{ root: 'rule', variants: [], segments: Object.keys(segments), attributes, values }}
          isReadOnly={isReadOnly}
        />
      )}
      {tab === 'rule' && (
        <SegmentBuilder
          text={text}
          apply={control.apply}
          segments={segments}
          attributes={attributes}
          values={values}
          isReadOnly={isReadOnly}
          mistakesAt={messagesOf(text, mistakes)}
        />
      )}
    </>
  )
}

const TABS = [
  { id: 'rule', label: 'Rule' },
  { id: 'json', label: 'JSON' },
  { id: 'history', label: 'History' },
] as const

/** The tabs of a rule, each with its URL. */
function tabsOf({ project, environment, name }: SegmentPath) {
  const href = paths.segment(project, environment, name)
  return TABS.map(({ id, label }) => ({ id, label, href: id === 'rule' ? href : `${href}?tab=${id}` }))
}

/** The changes of the segment in this environment. */
function History({ path }: { readonly path: SegmentPath }) {
  const history = useInfiniteQuery(segmentHistoryQuery(path))
  if (history.error) return <LoadFailure error={history.error} onRetry={() => void history.refetch()} />
  if (!history.data) return <Spinner />
  return <HistoryPanel history={history} onBringBack={undefined} />
}

/** What a segment may refer to: every other one. */
const others = (segments: RuleWords['segments'], name: string): RuleWords['segments'] =>
  Object.fromEntries(Object.entries(segments).filter(([other]) => other !== name))

function messagesOf(text: string, mistakes: readonly TextMistake[]) {
  const { root } = parseText(text)
  const placed = mistakes.map(({ pointer, message }) => {
    return { path: root && pointer !== undefined ? pathAtPointer(root, pointer) : [], message }
  })
  return (outer: JsonPath): string[] => placed.flatMap(({ path, message }) => (isWithin(path, outer) ? message : []))
}

const sayEffect = (flags: number): string =>
  flags === 0 ? 'No flag uses the segment' : `Applies to ${flags === 1 ? '1 flag' : `${flags} flags`} at once`

/** The draft of the rule with the way to store it. */
function useWork(path: SegmentPath, stored: StoredRule) {
  const queries = useQueryClient()
  const { project, environment, name } = path
  const control = useTextDraft({ kind: 'segment', project, environment, name }, stored)
  const rule = useParsed<unknown>(control.draft.text, undefined)
  const [isSaving, setSaving] = useState(false)
  const [isMerging, setMerging] = useState(false)
  const store = async (next: unknown, etag: string | undefined, comment: string) => {
    setSaving(true)
    try {
      const saved = await saveSegment(path, next, { etag, comment })
      control.begin({ text: JSON.stringify(next), etag: saved.etag })
      setMerging(false)
      showToast(`${name} is saved in ${environment}`)
      await refreshProject(queries, project)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      await queries.invalidateQueries({ queryKey: segmentQuery(path).queryKey })
      if (error.status === 412) setMerging(true)
      else showToast(error.mistakes[0]?.detail ?? error.message, { isError: true })
    } finally {
      setSaving(false)
    }
  }
  return { control, rule, store, isSaving, isMerging, setMerging }
}
