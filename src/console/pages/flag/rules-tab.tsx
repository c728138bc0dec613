import { useQueryClient } from '@tanstack/preact-query'
import { useMemo } from 'preact/hooks'
import { isRecord } from '../../../flag/definition.ts'
import type { Plan } from '../../../flag/plan/plan.ts'
import { Icon } from '../../parts/display/icon.tsx'
import { extractSegment } from '../../rules/conditions.ts'
import { rolloutVariants } from '../../rules/serving.ts'
import { type JsonPath, parseText, pathAtPointer } from '../../rules/text.ts'
import { type RuleWarning, warningsIn } from '../../rules/warnings.ts'
import { createSegment } from '../segments/queries.ts'
import { type EditOf, idOf, type RuleEditor, RuleEditorProvider } from './builder/editor.ts'
import { RuleChain } from './builder/rule-chain.tsx'
import { ruleText } from './builder/segment-builder.tsx'
import * as css from './flag.module.css'
import type { TextMistake } from './json/mistakes.ts'
import { lazyPart } from './lazy-part.tsx'
import { type FlagPlace, type ReadDefinition, type RuleWords, ruleWordsQuery, type ValueType } from './queries.ts'
import { ServingCard } from './serving-card.tsx'
import type { DraftControl } from './use-draft.ts'
import { VariantsCard } from './variants/variants-card.tsx'

const RolloutCard = lazyPart(async () => (await import('./rollout/rollout-card.tsx')).RolloutCard)
const PlannedRules = lazyPart(async () => (await import('./rollout/planned-rules.tsx')).PlannedRules)

type RulesTabProps = {
  readonly place: FlagPlace
  readonly stored: ReadDefinition
  readonly control: DraftControl
  readonly type: ValueType
  readonly words: RuleWords
  readonly mistakes: readonly TextMistake[]
  readonly shares: ReadonlyMap<string, number> | undefined
  readonly isReadOnly: boolean
  /** Undefined where the environment is not protected. */
  readonly protectedName: string | undefined
  /** Undefined where a switch needs no confirmation. */
  readonly confirmedName: string | undefined
  readonly onSwitch: (edit: EditOf, did: string) => void
  /** JSON pointer of the part that the explanation points to. */
  readonly selected: string | undefined
}

/** The definition as cards: what is served, the variants, the rules. */
export function RulesTab({
  place,
  stored,
  control,
  type,
  words,
  mistakes,
  shares,
  isReadOnly,
  protectedName,
  confirmedName,
  onSwitch,
  selected,
}: RulesTabProps) {
  const { draft, view } = control
  const { text } = draft
  const extract = useExtraction(place, control)
  const root = useMemo(() => parseText(text).root, [text])
  const messages = useMemo(() => {
    const byPlace = new Map<string, string[]>()
    for (const { pointer, message } of mistakes) {
      const path = root && pointer !== undefined ? idOf(pathAtPointer(root, pointer)) : ''
      byPlace.set(path, [...(byPlace.get(path) ?? []), message])
    }
    return byPlace
  }, [mistakes, root])
  if (!view || !root) return <p class={css.note}>The JSON has a mistake. The tab “JSON” shows where.</p>
  const path = selected === undefined ? undefined : pathAtPointer(root, selected)
  const plan = planOf(stored)
  const editor: RuleEditor = {
    variants: view.variants.map(({ name }) => name),
    segments: Object.keys(words.segments),
    attributes: words.attributes,
    values: words.values,
    newVariant: rolloutVariants(view).variant ?? null,
    isReadOnly,
    mistakesAt: (path) => messagesAt(messages, path),
    segmentText: (name) => ruleText(words.segments, name),
    extractSegment: extract,
    apply: control.apply,
  }
  return (
    <RuleEditorProvider value={editor}>
      <ServingCard view={view} isReadOnly={isReadOnly} protectedName={confirmedName} onSwitch={onSwitch} />
      <RolloutCard
        {...{ place, stored, plan, words, protectedName, isReadOnly }}
        variant={rolloutVariants(view).variant}
      />
      <VariantsCard definition={view} type={type} shares={shares} />
      {view.hasPlan && plan ? (
        <PlannedRules {...{ place, plan, view, isReadOnly }} selected={path} />
      ) : (
        <RuleChain definition={view} selected={path} />
      )}
      <Warnings warnings={warningsIn(text)} />
    </RuleEditorProvider>
  )
}

/** The plan of a stored definition; undefined if it has none. */
function planOf({ definition: { flagstaff } }: ReadDefinition): Plan | undefined {
  return isRecord(flagstaff) ? (flagstaff as Plan) : undefined
}

/** Stores a condition of the draft as a segment, and puts a reference to it in its place. */
function useExtraction({ project, environment }: FlagPlace, { draft: { text }, apply }: DraftControl) {
  const queries = useQueryClient()
  return async (path: JsonPath, name: string) => {
    await createSegment({ project, environment, name }, extractSegment(text, path, name).rule)
    await queries.invalidateQueries({ queryKey: ruleWordsQuery(project, environment).queryKey })
    apply((now) => extractSegment(now, path, name).edits, 'make a segment')
  }
}

/** Mistakes of a part, and of what is inside of it. */
function messagesAt(messages: ReadonlyMap<string, readonly string[]>, path: JsonPath): string[] {
  const id = idOf(path)
  return [...messages].flatMap(([place, texts]) => (place === id || place.startsWith(`${id}.`) ? texts : []))
}

function Warnings({ warnings }: { warnings: readonly RuleWarning[] }) {
  if (warnings.length === 0) return null
  return (
    <ul class={css.warnings} aria-label="Probably not meant">
      {warnings.map(({ message, path }) => (
        <li key={`${message} ${path.join('/')}`}>
          <Icon name="warning" size={14} /> {message}
        </li>
      ))}
    </ul>
  )
}
