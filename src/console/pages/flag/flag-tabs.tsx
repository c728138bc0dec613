import { useQuery } from '@tanstack/preact-query'
import { useCallback } from 'preact/hooks'
import { paths } from '../../app/paths.ts'
import type { EditOf } from './builder/editor.ts'
import { mistakesIn, type TextMistake } from './json/mistakes.ts'
import { lazyPart } from './lazy-part.tsx'
import { type FlagPlace, type ReadDefinition, type RuleWords, usageQuery, type ValueType } from './queries.ts'
import { RulesTab } from './rules-tab.tsx'
import { sharesOf } from './usage/series.ts'
import type { DraftControl } from './use-draft.ts'

export const JsonTab = lazyPart(async () => (await import('./json/json-tab.tsx')).JsonTab)
const HistoryTab = lazyPart(async () => (await import('./history/history-tab.tsx')).HistoryTab)
const UsagePanel = lazyPart(async () => (await import('./usage/usage-panel.tsx')).UsagePanel)
const UseTab = lazyPart(async () => (await import('./use/use-tab.tsx')).UseTab)

export const FLAG_TABS = [
  ['rules', 'Rules'],
  ['json', 'JSON'],
  ['explain', 'Explain'],
  ['history', 'History'],
  ['usage', 'Usage'],
  ['use', 'Use'],
] as const

/** The tabs of a flag in one environment, each with its URL. */
export const tabsOf = ({ project, environment, key }: FlagPlace) =>
  FLAG_TABS.map(([id, label]) => {
    const href = paths.flag(project, key, environment)
    return { id, label, href: id === 'rules' ? href : `${href}?tab=${id}` }
  })

type TabContentProps = {
  readonly place: FlagPlace
  readonly stored: ReadDefinition
  readonly words: RuleWords
  readonly type: ValueType
  readonly isReadOnly: boolean
  readonly protectedName: string | undefined
  readonly tab: string
  readonly control: DraftControl
  readonly mistakes: readonly TextMistake[]
  readonly selected: string | undefined
  readonly confirmedName: string | undefined
  readonly onSwitch: (edit: EditOf, did: string) => void
  /** Stores the version of this revision again. */
  readonly onBringBack: ((revision: number) => void) | undefined
}

/** What the open tab shows, apart from the explanation. */
export function TabContent(props: TabContentProps) {
  const { tab, place, control, words, type, isReadOnly, stored, onBringBack } = props
  const usage = useQuery({ ...usageQuery(place, 24), enabled: tab === 'rules' })
  switch (tab) {
    case 'json':
      return <DefinitionJson control={control} words={words} isReadOnly={isReadOnly} />
    case 'history':
      return <HistoryTab place={place} onBringBack={onBringBack} />
    case 'usage':
      return <UsagePanel place={place} variants={Object.keys(stored.definition.variants)} />
    case 'use':
      return <UseTab place={place} type={type} definition={stored.definition} />
    default: {
      const shares = usage.data && sharesOf(usage.data.items)
      return <RulesTab {...props} shares={shares} />
    }
  }
}

function DefinitionJson({ control, words, isReadOnly }: Pick<TabContentProps, 'control' | 'words' | 'isReadOnly'>) {
  const { segments, attributes, values } = words
  const check = useCallback((text: string) => mistakesIn(text, segments), [segments])
  const variants = control.view?.variants.map(({ name }) => name) ?? []
  return (
    <JsonTab
      label="Definition as JSON"
      control={control}
      check={check}
      words={{ root: 'definition', variants, segments: Object.keys(segments), attributes, values }}
      isReadOnly={isReadOnly}
    />
  )
}
