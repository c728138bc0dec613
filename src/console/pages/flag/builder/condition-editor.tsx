import { useState } from 'preact/hooks'
import { IconButton } from '../../../parts/controls/button.tsx'
import * as field from '../../../parts/controls/field.module.css'
import { Icon } from '../../../parts/display/icon.tsx'
import { Menu, type MenuItem } from '../../../parts/overlays/popover.tsx'
import { addClause, removeClause, setGroup, unwrap, wrap } from '../../../rules/conditions.ts'
import { replace } from '../../../rules/edits.ts'
import type { JsonPath } from '../../../rules/text.ts'
import type { ConditionView, GroupView, ListView, NotView, SegmentView } from '../../../rules/view.ts'
import { SegmentName } from '../../segments/name-dialog.tsx'
import { AdvancedBlock } from './advanced-block.tsx'
import * as css from './builder.module.css'
import { ClauseEditor } from './clause-editor.tsx'
import { idOf, type RuleEditor, useRuleEditor } from './editor.ts'
import { NewCondition } from './new-condition.tsx'
import { TimeEditor } from './time-editor.tsx'
import { ListInput } from './values/list-input.tsx'

type ConditionProps = {
  readonly condition: ConditionView
  /** Groups of groups alternate their ground. */
  readonly depth?: number
  /** Whether the condition is the whole one of a rule or segment, which has no siblings to be removed from. */
  readonly isRoot?: boolean
}

/** A condition of any kind with its menu and what is wrong with it. */
export function ConditionEditor({ condition, depth = 0, isRoot = false }: ConditionProps) {
  const { mistakesAt, isReadOnly } = useRuleEditor()
  const mistakes = condition.kind === 'group' || condition.kind === 'not' ? [] : mistakesAt(condition.path)
  return (
    <div class={css.condition} data-kind={condition.kind} data-path={idOf(condition.path)}>
      <div class={css.conditionRow}>
        <div class={css.conditionBody}>
          <Body condition={condition} depth={depth} />
        </div>
        {!isReadOnly && <ConditionMenu condition={condition} isRoot={isRoot} />}
      </div>
      {mistakes.map((mistake) => (
        <p key={mistake} class={css.mistake}>
          <Icon name="warning" size={14} /> {mistake}
        </p>
      ))}
    </div>
  )
}

function Body({ condition, depth }: { condition: ConditionView; depth: number }) {
  switch (condition.kind) {
    case 'group':
      return <GroupEditor group={condition} depth={depth} />
    case 'not':
      return <NotEditor not={condition} depth={depth} />
    case 'segment':
      return <SegmentChip segment={condition} />
    case 'clause':
      return <ClauseEditor clause={condition} />
    case 'time':
      return <TimeEditor time={condition} />
    case 'list':
      return <ListEditor list={condition} />
    case 'constant':
      return <span class={css.word}>{condition.value ? 'Everyone' : 'Nobody'}</span>
    default:
      return <AdvancedBlock path={condition.path} value={condition.value} />
  }
}

function GroupEditor({ group: { path, operator, items }, depth }: { group: GroupView; depth: number }) {
  const { apply, isReadOnly } = useRuleEditor()
  return (
    <fieldset class={css.group} data-depth={depth % 2}>
      <legend class="visuallyHidden">{operator === 'and' ? 'All of' : 'Any of'}</legend>
      <select
        class={css.groupMenu}
        aria-label="Which of these conditions must be true"
        disabled={isReadOnly}
        value={operator}
        onChange={({ currentTarget }) =>
          apply((text) => setGroup(text, path, currentTarget.value as 'and' | 'or'), 'group')
        }
      >
        <option value="and">All of</option>
        <option value="or">Any of</option>
      </select>
      {items.map((item) => (
        <ConditionEditor key={idOf(item.path)} condition={item} depth={depth + 1} />
      ))}
      {!isReadOnly && (
        <NewCondition onAdd={(value) => apply((text) => addClause(text, path, value), 'add condition')} />
      )}
    </fieldset>
  )
}

function NotEditor({ not: { path, item }, depth }: { not: NotView; depth: number }) {
  const { apply, isReadOnly } = useRuleEditor()
  return (
    <div class={css.not}>
      <button
        type="button"
        class={css.notChip}
        disabled={isReadOnly}
        title="Remove “not”"
        onClick={() => apply((text) => unwrap(text, path), 'remove not')}
      >
        not <Icon name="close" size={12} />
      </button>
      <ConditionEditor condition={item} depth={depth} />
    </div>
  )
}

function SegmentChip({ segment: { path, name } }: { segment: SegmentView }) {
  const { apply, segments, segmentText, isReadOnly } = useRuleEditor()
  const names = segments.includes(name) ? segments : [name, ...segments]
  return (
    <span class={css.segment}>
      <Icon name="segments" />
      <span class={css.word}>in segment</span>
      <select
        class={field.input}
        aria-label="Segment"
        disabled={isReadOnly}
        value={name}
        onChange={({ currentTarget }) =>
          apply((text) => replace(text, [...path, '$ref'], currentTarget.value), 'segment')
        }
      >
        {names.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
      <span class={css.note}>{segmentText(name)}</span>
    </span>
  )
}

function ListEditor({ list: { path, values } }: { list: ListView }) {
  const { apply, isReadOnly } = useRuleEditor()
  const change = (next: ListView['values']) => apply((text) => replace(text, path, next), 'list')
  return <ListInput label="List" values={values} isReadOnly={isReadOnly} onChange={change} />
}

function ConditionMenu({ condition, isRoot }: Required<Pick<ConditionProps, 'condition' | 'isRoot'>>) {
  const { apply, extractSegment } = useRuleEditor()
  const [isNaming, setNaming] = useState(false)
  const { path, kind } = condition
  const items: MenuItem[] = []
  if (kind !== 'not')
    items.push({ label: 'Negate', onSelect: () => apply((text) => wrap(text, path, 'not'), 'negate') })
  items.push({ label: 'Put into “all of”', onSelect: () => apply((text) => wrap(text, path, 'and'), 'group') })
  items.push({ label: 'Put into “any of”', onSelect: () => apply((text) => wrap(text, path, 'or'), 'group') })
  if (kind === 'group' && condition.items.length === 1)
    items.push({ label: 'Dissolve the group', onSelect: () => apply((text) => unwrap(text, path), 'ungroup') })
  if (extractSegment && kind !== 'segment' && kind !== 'constant')
    items.push({ label: 'Make it a segment', icon: 'segments', onSelect: () => setNaming(true) })
  if (!isRoot || kind !== 'constant')
    items.push({
      label: 'Remove condition',
      icon: 'trash',
      isDangerous: true,
      onSelect: () => apply((text) => removeClause(text, path), 'remove condition'),
    })
  return (
    <>
      <Menu label="Condition" items={items}>
        {(props) => <IconButton {...props} icon="more" label="More for this condition" />}
      </Menu>
      {isNaming && extractSegment && (
        <NewSegment path={path} extract={extractSegment} onClose={() => setNaming(false)} />
      )}
    </>
  )
}

type NewSegmentProps = {
  readonly path: JsonPath
  readonly extract: NonNullable<RuleEditor['extractSegment']>
  readonly onClose: () => void
}

/** Asks for the name of the segment that a condition becomes. */
function NewSegment({ path, extract, onClose }: NewSegmentProps) {
  const create = async (name: string) => {
    await extract(path, name)
    onClose()
  }
  const hint = 'It is stored at once. The rule refers to it when the flag is saved'
  return <SegmentName title="New segment" hint={hint} onCreate={create} onClose={onClose} />
}
