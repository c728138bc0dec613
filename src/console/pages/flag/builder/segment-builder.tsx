import type { SegmentRules } from '../../../../flag/definition.ts'
import { addClause } from '../../../rules/conditions.ts'
import { readSegment } from '../../../rules/read.ts'
import { sayCondition } from '../../../rules/say.ts'
import type { JsonPath } from '../../../rules/text.ts'
import type { AttributeValues } from '../queries.ts'
import { ConditionEditor } from './condition-editor.tsx'
import { type RuleEditor, RuleEditorProvider } from './editor.ts'
import { NewCondition } from './new-condition.tsx'

type SegmentBuilderProps = {
  /** The rule of the segment as JSON text. */
  readonly text: string
  /** Makes one change of the text, such as `(edit, label) => setDraft((draft) => edit(draft, edit(draft.text), label))`. */
  readonly apply: RuleEditor['apply']
  /** The segments that this one may refer to. */
  readonly segments: SegmentRules
  readonly attributes: readonly string[]
  readonly values: AttributeValues
  readonly isReadOnly: boolean
  /** What is wrong at a place of the text. */
  readonly mistakesAt: (path: JsonPath) => readonly string[]
}

/** The rule of a segment in the parts of the rule builder. A text that is not JSON is left to the JSON editor. */
export function SegmentBuilder(props: SegmentBuilderProps) {
  const { text, apply, segments, attributes, values, isReadOnly, mistakesAt } = props
  const { view } = readSegment(text)
  if (!view) return <p>The JSON has a mistake.</p>
  const editor: RuleEditor = {
    variants: [],
    segments: Object.keys(segments),
    attributes,
    values,
    newVariant: null,
    isReadOnly,
    mistakesAt,
    segmentText: (name) => ruleText(segments, name),
    apply,
  }
  return (
    <RuleEditorProvider value={editor}>
      <ConditionEditor condition={view} isRoot />
      {!isReadOnly && view.kind !== 'group' && view.kind !== 'list' && (
        <NewCondition onAdd={(value) => apply((now) => addClause(now, [], value), 'add condition')} />
      )}
    </RuleEditorProvider>
  )
}

/** The rule of a segment in words; undefined if there is no such segment. */
export function ruleText(segments: SegmentRules, name: string): string | undefined {
  if (!Object.hasOwn(segments, name)) return undefined
  const { view } = readSegment(JSON.stringify(segments[name]))
  return view && sayCondition(view)
}
